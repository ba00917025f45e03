"""Positions by name: the network's fields, catalog stars, and the tables of names."""

import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from observations_data.http.query_parameters import BadParameterError
from observations_data.position import Cone, Place
from panoptes_network.database.models import CatalogStar, Sequence, SequenceFigures
from panoptes_network.names import resolver

KNOWN = (
    "a field of the network with a solved image, a star (Vega, α Lyr, HD 189733, TIC 12345), a"
    " planet (WASP-12 b), a constellation, or a deep-sky object (M42, NGC 7000, IC 434)"
)
MAX_ID = 2**63 - 1

_STAR = re.compile(r"(?P<catalog>TIC|HIP|GAIA DR3|)\s*(?P<number>[0-9]{1,19})", re.IGNORECASE)
_NUMBERING = {"TIC": ("tic", 1), "HIP": ("gaia", -1), "GAIA DR3": ("gaia", 1)}
"""The catalog of a star's id, and the sign it has there (`CatalogStar`)."""


def resolve(session: Session, place: Place) -> Cone:
    """Return the cone that a request searches.

    A name is looked up among the network's fields, then among the stars of the loaded catalog, then
    in the tables of names (see docs/decisions/0038-names.md).

    Raises
    ------
    BadParameterError
        For an unknown name; it suggests near matches.
    """
    if place.name is None:
        return Cone(place.ra_deg, place.dec_deg, place.radius_deg)
    known = _place_of(session, place.name)
    if known is None:
        near = resolver.near_matches(place.name)
        suggestion = f". Did you mean {', '.join(near)}?" if near else ""
        raise BadParameterError("name", KNOWN + suggestion)
    ra_deg, dec_deg = known
    return Cone(ra_deg, dec_deg, place.radius_deg, place.name)


def _place_of(session: Session, name: str) -> tuple[float, float] | None:
    field = field_place(session, name)
    if field is not None:
        return field
    found = catalog_star(session, name) or resolver.resolve(name)
    return None if found is None else (found.ra_deg, found.dec_deg)


def field_place(session: Session, name: str) -> tuple[float, float] | None:
    """Return the centre of a field's newest solved observation, in any spelling of its name."""
    row = session.execute(
        select(SequenceFigures.ra_deg, SequenceFigures.dec_deg)
        .join(Sequence, Sequence.sequence_id == SequenceFigures.sequence_id)
        .where(Sequence.field_folded == func.fold_text(name), SequenceFigures.ra_deg.is_not(None))
        .order_by(Sequence.start_time.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.ra_deg, row.dec_deg)


def catalog_star(session: Session, name: str) -> CatalogStar | None:
    """Return a star of the loaded catalog by its number; if several catalogs have it, the TIC's."""
    match = _STAR.fullmatch(" ".join(name.split()))
    if match is None or int(match["number"]) > MAX_ID:
        return None
    catalog, sign = _NUMBERING.get(match["catalog"].upper(), (None, 1))
    stars = select(CatalogStar).where(CatalogStar.picid == sign * int(match["number"]))
    if catalog:
        stars = stars.where(CatalogStar.catalog == catalog)
    return session.scalar(stars.order_by(CatalogStar.catalog.desc()).limit(1))
