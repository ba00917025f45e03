"""The field's true stars as a MAST TIC-8 bulk file."""

import gzip
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

from simulator import sky
from simulator.observation import Observation
from simulator.scene import RESOLVED_MAG, stars_near

TIC_COLUMNS = 125
TIC_EPOCH_YR = 2000.0
G_MINUS_TESS_MAG = 0.54
"""For a typical G star; individual colours are ignored."""

_FIELDS = {
    0: "%d",
    11: "STAR",
    13: "%.10f",
    14: "%.10f",
    16: "%.4f",
    18: "%.4f",
    58: "%.4f",
    60: "%.4f",
}
_ROW = ",".join(_FIELDS.get(column, "") for column in range(TIC_COLUMNS)) + "\n"


def write_catalog_csv(
    path: Path, observation: Observation, faintest_mag: float = RESOLVED_MAG
) -> int:
    """Write the true stars in and around an observation's field.

    No header, 125 columns; filled are, 0-based: 0 ID, 11 objType, 13 ra, 14 dec (degrees,
    ICRS, **epoch J2000.0** as in the TIC), 16 pmRA, 18 pmDEC (mas/yr), 58 GAIAmag, 60 Tmag.
    Moving ra and dec by the proper motions from 2000.0 to the date of a frame gives the
    truth's places again. Tmag is G - 0.54.

    Parameters
    ----------
    path : Path
        Compressed where the name ends in ``.gz``.
    observation : Observation
        Names the field, the size and the seed.
    faintest_mag : float
        Gaia G magnitude to stop at.

    Returns
    -------
    int
        Number of rows.
    """
    stars = stars_near(observation)
    stars = stars[stars["gaia_mag"] < faintest_mag]
    ra_deg, dec_deg = sky.at_epoch(stars, TIC_EPOCH_YR)
    gaia_mag = stars["gaia_mag"].astype(float)
    columns = (
        stars["id"],
        ra_deg,
        dec_deg,
        stars["pm_ra_mas_yr"],
        stars["pm_dec_mas_yr"],
        gaia_mag,
        gaia_mag - G_MINUS_TESS_MAG,
    )
    with _open_text(path) as file:
        rows = zip(*(column.tolist() for column in columns), strict=True)
        file.writelines(_ROW % row for row in rows)
    return int(stars.size)


def _open_text(path: Path) -> AbstractContextManager[TextIO]:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="ascii", compresslevel=1)
    return path.open("w", encoding="ascii")
