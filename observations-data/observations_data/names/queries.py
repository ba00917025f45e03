"""Look up a name among the network's own ids and stars, and in the tables of names."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from observations_data.database import as_record
from observations_data.observations.search import name_resolver
from observations_data.stars.star import catalog_star_of, star_name, star_url
from panoptes_network.catalog.epochs import EPOCH_YR
from panoptes_network.database.models import CatalogStar, Image, Sequence, Unit
from panoptes_network.ids import fold_id
from panoptes_network.names import resolver, tables
from panoptes_network.responses.names import Named, NamedKind, NameResponse


def named(session: Session, name: str) -> NameResponse:
    """Return what a name means, and near matches if it means nothing.

    The network's units, observations, images, fields and numbered stars come before the tables.
    """
    lookups = (_id, _field, _numbered_star, _in_tables)
    found = next(filter(None, (lookup(session, name) for lookup in lookups)), None)
    near = [] if found else resolver.near_matches(name)
    return NameResponse(name=name, found=found, near=near)


def _id(session: Session, name: str) -> Named | None:
    """Return the unit, observation or image with this id, in any case."""
    folded = fold_id(name)
    ways: tuple[tuple[NamedKind, str, Select[str]], ...] = (
        ("unit", "units", select(Unit.unit_id).where(Unit.unit_id == folded)),
        (
            "observation",
            "observations",
            select(Sequence.sequence_id).where(Sequence.sequence_id == folded),
        ),
        ("image", "images", select(Image.image_id).where(Image.image_id == folded)),
    )
    for kind, path, query in ways:
        known = session.scalar(query)
        if known is not None:
            return _named(kind, known, id=known, url=f"/{path}/{known}")
    return None


def _field(session: Session, name: str) -> Named | None:
    place = name_resolver.field_place(session, name)
    if place is None:
        return None
    return _named("field", name, ra_deg=place[0], dec_deg=place[1])


def _numbered_star(session: Session, name: str) -> Named | None:
    star = name_resolver.catalog_star(session, name)
    return None if star is None else _named_star(star, star_name(star.picid, star.catalog))


def _in_tables(session: Session, name: str) -> Named | None:
    target = resolver.resolve(name)
    if target is None:
        return None
    is_star = target.kind in {resolver.Kind.STAR, resolver.Kind.PLANET}
    star = catalog_star_of(session, target) if is_star else None
    return _named(
        target.kind.value,
        target.name,
        ra_deg=target.ra_deg,
        dec_deg=target.dec_deg,
        pmra_masyr=target.pmra_masyr or None,
        pmdec_masyr=target.pmdec_masyr or None,
        radius_deg=target.radius_deg,
        names=[*target.names],
        url=star and star_url(star.picid, star.catalog),
        picid=star and str(star.picid),
        catalog=star and star.catalog,
    )


def _named_star(star: CatalogStar, name: str) -> Named:
    known = resolver.star_at(star.ra_deg, star.dec_deg, EPOCH_YR[star.catalog])
    return _named(
        "star",
        name,
        url=star_url(star.picid, star.catalog),
        ra_deg=star.ra_deg,
        dec_deg=star.dec_deg,
        epoch_yr=EPOCH_YR[star.catalog],
        names=[] if known is None else [*known.names],
        picid=str(star.picid),
        catalog=star.catalog,
    )


def _named(kind: NamedKind, name: str, **values: object) -> Named:
    nothing = dict.fromkeys(Named.__annotations__)
    fixed = {"kind": kind, "name": name, "epoch_yr": tables.EPOCH_YR, "names": []}
    return as_record(Named, {**nothing, **fixed, **values})
