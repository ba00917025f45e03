"""Sky coverage: observations counted in cells of nearly equal area."""

from sqlalchemy import Integer, Label, cast, func, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow
from observations_data.network_state.exposure import known_exposure
from panoptes_network.database.models import SequenceFigures
from panoptes_network.responses.network import Coverage, SkyCell

BAND_DEG = 10
"""Height of a cell, about that of a frame."""
N_BANDS = 180 // BAND_DEG


def coverage(session: Session) -> Coverage:
    """Return the cells with observations.

    Cells are parts of bands of `BAND_DEG` in declination, about as wide as high. An observation
    counts in the cell of the mean centre of its solved images.
    """
    placed = (
        select(*_cells(), SequenceFigures.n_images, SequenceFigures.exposure_s)
        .where(SequenceFigures.ra_deg.is_not(None))
        .subquery()
    )
    cell = (placed.c.band, placed.c.n_cells, placed.c.cell)
    rows = session.execute(
        select(
            *cell,
            func.count().label("n_observations"),
            func.sum(placed.c.n_images).label("n_images"),
            known_exposure(placed.c.exposure_s, placed.c.n_images).label("exposure_s"),
        )
        .group_by(*cell)
        .order_by(*cell)
    ).all()
    return {"items": [_item(row) for row in rows], "total": len(rows)}


def _cells() -> tuple[Label[int], Label[int], Label[int]]:
    """Return an observation's band from the south pole, its number of cells, and its cell."""
    ra_deg, dec_deg = SequenceFigures.ra_deg, SequenceFigures.dec_deg
    band = func.least(func.floor((dec_deg + 90) / BAND_DEG), N_BANDS - 1)
    middle_deg = (band + 0.5) * BAND_DEG - 90
    n_cells = func.greatest(3, func.round(360 / BAND_DEG * func.cosd(middle_deg)))
    cell = func.least(func.floor(ra_deg / 360 * n_cells), n_cells - 1)
    numbers = (("band", band), ("n_cells", n_cells), ("cell", cell))
    first, second, third = (cast(number, Integer).label(name) for name, number in numbers)
    return first, second, third


def _item(row: AnyRow) -> SkyCell:
    width_deg = 360 / row.n_cells
    return {
        "ra_min_deg": row.cell * width_deg,
        "ra_max_deg": (row.cell + 1) * width_deg,
        "dec_min_deg": row.band * BAND_DEG - 90.0,
        "dec_max_deg": (row.band + 1) * BAND_DEG - 90.0,
        "n_observations": row.n_observations,
        "n_images": row.n_images,
        "exposure_s": row.exposure_s,
    }
