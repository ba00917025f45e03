"""Sums of exposures, where unknown is not 0."""

from sqlalchemy import ColumnElement, case, func
from sqlalchemy.orm import InstrumentedAttribute


def known_exposure(
    exposure_s: ColumnElement[float] | InstrumentedAttribute[float],
    n_images: ColumnElement[int] | InstrumentedAttribute[int],
) -> ColumnElement[float | None]:
    """Return the sum of sequences' exposures, seconds.

    It is NULL if there are images but no known exposure: a sequence's figures add nothing for an
    image of unknown exposure.
    """
    known = func.sum(func.nullif(exposure_s, 0.0))
    return case((func.coalesce(func.sum(n_images), 0) == 0, 0.0), else_=known)
