"""Positions by name: the network's fields, catalog stars, deep-sky objects."""

import math
import re
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from observations_data.http.query_parameters import BadParameterError
from observations_data.position import Cone, Place
from panoptes_network.database.models import CatalogStar, Sequence, SequenceFigures

KNOWN = (
    "a field of the network with a solved image, a star of the loaded catalog (TIC 12345, HIP"
    " 12345, Gaia DR3 12345, or the number alone), or a deep-sky object (M42, NGC 7000, IC 434)"
)
MAX_ID = 2**63 - 1

_STAR = re.compile(r"(?P<catalog>TIC|HIP|GAIA DR3|)\s*(?P<number>[0-9]{1,19})", re.IGNORECASE)
_NUMBERING = {"TIC": ("tic", 1), "HIP": ("gaia", -1), "GAIA DR3": ("gaia", 1)}
"""The catalog of a star's id, and the sign it has there (`CatalogStar`)."""


def resolve(session: Session, place: Place) -> Cone:
    """Return the cone that a request searches.

    A name is looked up among the network's fields, then among the stars of the loaded catalog, then
    in OpenNGC (see docs/decisions/0013-search-and-figures.md).

    Raises
    ------
    BadParameterError
        For an unknown name.
    """
    if place.name is None:
        return Cone(place.ra_deg, place.dec_deg, place.radius_deg)
    for lookup in (_field, _star, _deep_sky):
        known = lookup(session, place.name)
        if known is not None:
            ra_deg, dec_deg = known
            return Cone(ra_deg, dec_deg, place.radius_deg, place.name)
    raise BadParameterError("name", KNOWN)


def _field(session: Session, name: str) -> tuple[float, float] | None:
    """Return the centre of a field's newest solved observation, in any spelling of its name."""
    row = session.execute(
        select(SequenceFigures.ra_deg, SequenceFigures.dec_deg)
        .join(Sequence, Sequence.sequence_id == SequenceFigures.sequence_id)
        .where(Sequence.field_folded == func.fold_text(name), SequenceFigures.ra_deg.is_not(None))
        .order_by(Sequence.start_time.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.ra_deg, row.dec_deg)


def _star(session: Session, name: str) -> tuple[float, float] | None:
    """Return a catalog star's position; if several catalogs have the id, the TIC's."""
    match = _STAR.fullmatch(" ".join(name.split()))
    if match is None or int(match["number"]) > MAX_ID:
        return None
    catalog, sign = _NUMBERING.get(match["catalog"].upper(), (None, 1))
    stars = select(CatalogStar.ra_deg, CatalogStar.dec_deg).where(
        CatalogStar.picid == sign * int(match["number"])
    )
    if catalog:
        stars = stars.where(CatalogStar.catalog == catalog)
    row = session.execute(stars.order_by(CatalogStar.catalog.desc()).limit(1)).one_or_none()
    return None if row is None else (row.ra_deg, row.dec_deg)


def _deep_sky(_session: Session, name: str) -> tuple[float, float] | None:
    """Return the position of a deep-sky object by its designation or common name."""
    from pyongc import ongc  # noqa: PLC0415 - few requests need it, and it opens a file

    words = " ".join(name.split())
    if not words.isascii():  # the library takes digits of any script for digits
        return None
    found = ongc.get(words)
    return _common_names().get(words.lower()) if found is None else _place_of(found)


@cache
def _common_names() -> dict[str, tuple[float, float]]:
    """Return the positions of objects with names like "Orion Nebula", in lowercase."""
    from pyongc import ongc  # noqa: PLC0415

    named = ((found, _place_of(found)) for found in ongc.listObjects(withname=True))
    return {
        common.lower(): place
        for found, place in named
        if place is not None
        for common in found.identifiers[3] or []
    }


def _place_of(found: Any) -> tuple[float, float] | None:
    radians = found.rad_coords
    return None if radians is None else (math.degrees(radians[0]), math.degrees(radians[1]))
