"""The catalog stars in the frames of a sequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from light_curves.measurements import CatalogField
from light_curves.solved_frames import SolvedFrame
from panoptes_network.arrays import Floats
from panoptes_network.catalog.lookup import (
    ColouredStars,
    at_epoch,
    coloured_stars_in_cone,
    prefer_tic,
)
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.sky import directions

NEIGHBOUR_MAG = 1.5
"""Magnitudes below the targets down to which neighbours' light is subtracted."""

MARGIN_DEG = 0.2
"""Margin beyond the frames' corners for reading stars, which may have moved since."""


@dataclass(frozen=True)
class SequenceField:
    """The stars of a sequence, brightest first, with their positions at its time, ICRS degrees."""

    stars: CatalogField
    ra_deg: Floats
    dec_deg: Floats


def read_field(frames: Sequence[SolvedFrame], time: datetime) -> SequenceField:
    """Read the stars that may be on any of the frames.

    Parameters
    ----------
    frames : sequence of SolvedFrame
        At least one.
    time : datetime
        Time of the sequence, to which proper motion is applied.

    Raises
    ------
    PermanentError
        NO_CATALOG if there are no targets.
    TransientError
        If the database is unavailable.
    """
    faintest = settings().light_curve_mag
    ra_deg, dec_deg, radius_deg = _cone(frames)

    def read(session: Session) -> ColouredStars:
        limit = faintest + NEIGHBOUR_MAG
        return coloured_stars_in_cone(session.connection(), ra_deg, dec_deg, radius_deg, limit)

    stars = prefer_tic(run_transaction(read))
    stars = stars.take(np.argsort(stars.gaia_mag, kind="stable"))
    is_target = stars.gaia_mag <= faintest
    if not is_target.any():
        raise PermanentError(
            Reason.NO_CATALOG,
            "the star catalog has no stars in this field; the operator can load more with"
            " load-catalog, then the light curves can be made",
        )
    field = CatalogField(
        picid=stars.picid,
        is_tic=stars.is_tic,
        ra_deg=stars.ra_deg,
        dec_deg=stars.dec_deg,
        gaia_mag=stars.gaia_mag,
        teff_k=stars.teff_k,
        is_target=is_target,
    )
    return SequenceField(field, *at_epoch(stars, time))


def _cone(frames: Sequence[SolvedFrame]) -> tuple[float, float, float]:
    """Return centre and radius of a cone that contains all frames, ICRS degrees."""
    centres = np.array([frame.centre_deg for frame in frames])
    vectors = directions.unit_vectors(centres[:, 0], centres[:, 1])
    middle = vectors.mean(axis=0)
    middle /= np.linalg.norm(middle)
    ra_deg = float(np.degrees(np.arctan2(middle[1], middle[0])) % 360)
    dec_deg = float(np.degrees(np.arcsin(middle[2])))
    farthest_deg = float(np.degrees(np.arccos(np.clip(vectors @ middle, -1, 1))).max())
    return ra_deg, dec_deg, farthest_deg + _half_diagonal_deg(frames[0]) + MARGIN_DEG


def _half_diagonal_deg(frame: SolvedFrame) -> float:
    height, width = frame.shape
    corner = frame.wcs.all_pix2world([[0, 0], [(width - 1) / 2, (height - 1) / 2]], 0)
    one, other = directions.unit_vectors(corner[:, 0], corner[:, 1])
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))
