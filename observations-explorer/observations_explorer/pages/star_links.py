"""Links from a star's page to the same star in other archives; the page loads nothing there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from panoptes_network.responses.stars import Star

RADIUS_ARCSEC = 10
"""One pixel: the stars that the camera cannot separate from this one."""
FIELD_DEG = 0.25
"""Field of view of the sky atlases."""
EPOCH_YR = 2000.0
"""Julian year of positions in the archives' searches."""
MAS_DEG = 3.6e6


@dataclass(frozen=True, slots=True)
class StarLink:
    """A link: the name of the archive, its URL, and what it has about the star."""

    name: str
    url: str
    about: str


def star_links(star: Star, catalog: str) -> list[StarLink]:
    """Return links by a star's position, or its id if the archive knows it; empty without either.

    Parameters
    ----------
    star : Star
    catalog : str
        Catalog of its id: ``tic`` or ``gaia``.
    """
    place = _place(star)
    by_place = [] if place is None else _by_place(*place)
    if catalog != "tic":
        return by_place
    target = f"https://exofop.ipac.caltech.edu/tess/target.php?{urlencode({'id': star['picid']})}"
    return [*by_place, StarLink("ExoFOP", target, "follow-up of TESS planet candidates")]


def _by_place(ra_deg: float, dec_deg: float) -> list[StarLink]:
    place = f"{ra_deg:.6f} {dec_deg:+.6f}"
    simbad = {
        "Coord": place,
        "CooFrame": "ICRS",
        "CooEpoch": "2000",
        "CooEqui": "2000",
        "Radius": RADIUS_ARCSEC,
        "Radius.unit": "arcsec",
    }
    vizier = {"-c": place, "-c.rs": RADIUS_ARCSEC, "-sort": "_r"}
    # Unit 3 is arcseconds.
    vsx = {"view": "results.get", "coords": place, "format": "d", "size": RADIUS_ARCSEC, "unit": 3}
    gaia = {"target": place, "cooframe": "J2000", "fov": FIELD_DEG, "sci": "true"}
    aladin = {"target": place, "fov": FIELD_DEG, "survey": "P/DSS2/color"}
    return [
        _link("SIMBAD", "https://simbad.cds.unistra.fr/simbad/sim-coo", simbad, "names and papers"),
        _link("VizieR", "https://vizier.cds.unistra.fr/viz-bin/VizieR-4", vizier, "all catalogs"),
        _link("ESASky", "https://sky.esa.int/esasky/", gaia, "Gaia and other space telescopes"),
        _link("VSX", "https://www.aavso.org/vsx/index.php", vsx, "variable stars"),
        _link("Aladin Lite", "https://aladin.cds.unistra.fr/AladinLite/", aladin, "sky survey"),
    ]


def _link(name: str, page: str, query: Mapping[str, object], about: str) -> StarLink:
    return StarLink(name, f"{page}?{urlencode(query, quote_via=quote)}", about)


def _place(star: Star) -> tuple[float, float] | None:
    """Return a star's position at J2000, or in its newest image; None without either."""
    entry = star["catalog"]
    if entry is None:
        if star["ra_deg"] is None or star["dec_deg"] is None:
            return None
        return star["ra_deg"], star["dec_deg"]
    moved_deg = (EPOCH_YR - entry["epoch_yr"]) / MAS_DEG
    dec_deg = entry["dec_deg"] + moved_deg * (entry["pmdec_masyr"] or 0.0)
    cos_dec = max(math.cos(math.radians(entry["dec_deg"])), 1e-6)
    ra_deg = entry["ra_deg"] + moved_deg * (entry["pmra_masyr"] or 0.0) / cos_dec
    return ra_deg % 360, max(-90.0, min(90.0, dec_deg))
