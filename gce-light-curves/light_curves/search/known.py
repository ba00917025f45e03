"""Known planet hosts and variable stars: a list included in the service.

The header of `known_stars.csv` names its sources.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord

LIST = Path(__file__).parent / "known_stars.csv"
SAME_ARCSEC = 20.0
"""Two pixels; the list's positions of planets are truncated to a second of time, up to 15 arcsec.
"""


@dataclass(frozen=True)
class KnownStar:
    """A known planet host or variable star.

    Parameters
    ----------
    name : str
    kind : str
        ``planet`` if only planet b transits, ``planets`` for other hosts, or the GCVS type of the
        variable.
    ra_deg, dec_deg : float
        ICRS.
    """

    name: str
    kind: str
    ra_deg: float
    dec_deg: float


def known_star(ra_deg: float, dec_deg: float) -> KnownStar | None:
    """Return the known star within `SAME_ARCSEC` of a position, ICRS; None if there is none."""
    stars, places = _known()
    if not stars:
        return None
    nearest, distance, _ = SkyCoord(ra_deg, dec_deg, unit="deg").match_to_catalog_sky(places)
    return stars[int(nearest)] if distance < SAME_ARCSEC * units.arcsec else None


@lru_cache(maxsize=1)
def _known() -> tuple[list[KnownStar], SkyCoord]:
    with LIST.open(encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        stars = [
            KnownStar(row["name"], row["kind"], float(row["ra_deg"]), float(row["dec_deg"]))
            for row in rows
        ]
    ra_deg = np.array([star.ra_deg for star in stars])
    dec_deg = np.array([star.dec_deg for star in stars])
    return stars, SkyCoord(ra_deg, dec_deg, unit="deg")
