"""Sums of exposures, where unknown is not 0."""

from typing import Any

from sqlalchemy import ColumnElement, case, func


def known_exposure(exposure_s: Any, n_images: Any) -> ColumnElement[float | None]:
    """Return the sum of sequences' exposures, seconds.

    It is NULL if there are images but no known exposure: a sequence's figures add nothing for an
    image of unknown exposure.
    """
    known = func.sum(func.nullif(exposure_s, 0.0))
    return case((func.coalesce(func.sum(n_images), 0) == 0, 0.0), else_=known)
