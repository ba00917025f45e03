"""The field's true stars in the form of a MAST TIC-8 bulk file."""

import csv
import gzip
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

import numpy as np

from simulator import sky
from simulator.observation import Observation
from simulator.optics import PIXEL_SCALE_ARCSEC
from simulator.scene import RESOLVED_MAG, frame_wcs

TIC_COLUMNS = 125
TIC_EPOCH_YR = 2000.0
_ID, _TYPE, _RA, _DEC, _PM_RA, _PM_DEC, _GAIA_MAG, _TESS_MAG = 0, 11, 13, 14, 16, 18, 58, 60


def write_catalog_csv(
    path: Path, observation: Observation, faintest_mag: float = RESOLVED_MAG
) -> int:
    """Write the true stars of an observation's field as the network's catalog would hold them.

    No header, 125 columns; filled are, 0-based: 0 ID, 11 objType, 13 ra, 14 dec (degrees,
    ICRS, **epoch J2000.0** as in the TIC), 16 pmRA, 18 pmDEC (mas/yr), 58 GAIAmag, 60 Tmag.
    Moving ra and dec by the proper motions from 2000.0 to the date of a frame gives the
    truth's places again. Tmag = G - 0.54, a G star's colour.

    Parameters
    ----------
    path : Path
        Compressed where the name ends in ``.gz``.
    observation : Observation
        Names the field and the seed; its conditions do not matter.
    faintest_mag : float
        Gaia G magnitude to stop at.

    Returns
    -------
    int
        Number of rows.
    """
    radius_deg = np.hypot(observation.width, observation.height) / 2 * PIXEL_SCALE_ARCSEC / 3600
    ra_deg, dec_deg = frame_wcs(observation, 0).wcs.crval
    stars = sky.stars_in_cone(ra_deg, dec_deg, 1.05 * radius_deg + 0.1, observation.seed)
    stars = stars[stars["gaia_mag"] < faintest_mag]
    ra_deg, dec_deg = sky.at_epoch(stars, TIC_EPOCH_YR)
    with _open_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        for star, ra, dec in zip(stars, ra_deg, dec_deg, strict=True):
            writer.writerow(_tic_row(star, float(ra), float(dec)))
    return int(stars.size)


def _open_text(path: Path) -> AbstractContextManager[TextIO]:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="ascii", compresslevel=1)
    return path.open("w", encoding="ascii")


def _tic_row(star: np.void, ra_deg: float, dec_deg: float) -> list[str]:
    row = [""] * TIC_COLUMNS
    row[_ID], row[_TYPE] = str(star["id"]), "STAR"
    row[_RA], row[_DEC] = f"{ra_deg:.10f}", f"{dec_deg:.10f}"
    row[_PM_RA], row[_PM_DEC] = f"{star['pm_ra_mas_yr']:.4f}", f"{star['pm_dec_mas_yr']:.4f}"
    row[_GAIA_MAG], row[_TESS_MAG] = f"{star['gaia_mag']:.4f}", f"{star['gaia_mag'] - 0.54:.4f}"
    return row
