"""Stars: catalog entries, and the sequences that contain them."""

import math
from collections.abc import Sequence as Rows

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, as_record, unknown
from observations_data.stars.parameters import Catalog, StarId
from panoptes_network.catalog.epochs import EPOCH_YR
from panoptes_network.database.light_curve_models import StarLightCurve
from panoptes_network.database.models import CatalogStar, Image, Sequence, Source
from panoptes_network.database.times import has_plausible
from panoptes_network.names import resolver
from panoptes_network.names.resolver import Target
from panoptes_network.nights.statistics import separation_arcmin
from panoptes_network.responses.light_curves import StarName
from panoptes_network.responses.stars import CatalogEntry, SeenStar, Visit
from panoptes_network.sky import healpix

CATALOG_COLUMNS = (
    CatalogStar.catalog,
    CatalogStar.ra_deg,
    CatalogStar.dec_deg,
    CatalogStar.pmra_masyr,
    CatalogStar.pmdec_masyr,
    CatalogStar.mag,
    CatalogStar.gaia_mag,
    CatalogStar.teff_k,
)
PRECISE_ARCSEC = 3.0
"""Hipparcos, moved to the catalog's epoch, agrees to a tenth of it."""
TRUNCATED_ARCSEC = 20.0
"""Positions of some hosts of planets are cut to a second of time."""
VISIT_COLUMNS = (
    Sequence.sequence_id,
    Sequence.field,
    Sequence.unit_id,
    Sequence.camera_id,
    Sequence.start_time,
)


def star(session: Session, found: StarId, limit: int) -> SeenStar:
    """Return a star, and its visits in the newest `limit` sequences.

    ``ra_deg`` and ``dec_deg`` are measured in its newest image, None without one.

    Parameters
    ----------
    found : StarId
        As returned by `require_star`.
    """
    catalog = session.execute(
        select(*CATALOG_COLUMNS).where(
            CatalogStar.picid == found.picid, CatalogStar.catalog == found.catalog
        )
    ).one_or_none()
    rows = session.execute(_visits(found).limit(limit)).all()
    newest = session.execute(_newest_place(found)).one_or_none()
    return as_record(
        SeenStar,
        {
            "picid": str(found.picid),
            "url": star_url(found.picid, found.catalog),
            "names": names_of(found, catalog),
            "ra_deg": newest.ra_deg if newest else None,
            "dec_deg": newest.dec_deg if newest else None,
            "catalog": _catalog_row(catalog) if catalog else None,
            **_totals(rows),
            "visits": [_visit(row) for row in rows],
        },
    )


def require_star(session: Session, asked: StarId) -> StarId:
    """Return the star with its catalog: the requested one, or the first that has it.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if no catalog, image or light curve has it.
    """
    catalogs = [asked.catalog] if asked.catalog else list(Catalog)
    loaded = select(CatalogStar.catalog).where(
        CatalogStar.picid == asked.picid, CatalogStar.catalog.in_(catalogs)
    )
    seen = (
        select(Source.catalog)
        .where(Source.picid == asked.picid, Source.catalog.in_(catalogs))
        .limit(1)
    )
    measured = select(StarLightCurve.catalog).where(
        StarLightCurve.picid == asked.picid, StarLightCurve.catalog.in_(catalogs)
    )
    ways = (loaded, seen, measured)
    known: set[str | None] = next(filter(None, (set(session.scalars(way)) for way in ways)), set())
    for catalog in Catalog:
        if catalog in known:
            return StarId(asked.picid, catalog)
    raise unknown("star", str(asked.picid))


def catalog_star_of(session: Session, target: Target) -> CatalogStar | None:
    """Return the star of the loaded catalog at a target's position; if both have it, the TIC's.

    A position with proper motion names the nearest star, another the brightest within its error.
    """
    is_precise = "hip" in target.ids
    reach_deg = (PRECISE_ARCSEC if is_precise else TRUNCATED_ARCSEC) / 3600
    for catalog in Catalog:
        ra_deg, dec_deg = target.at(EPOCH_YR[catalog])
        cells = [
            CatalogStar.healpix.between(*ends)
            for ends in healpix.cone_ranges(ra_deg, dec_deg, reach_deg).tolist()
        ]
        rows = session.scalars(
            select(CatalogStar).where(
                CatalogStar.catalog == catalog,
                or_(*cells),
                CatalogStar.dec_deg.between(dec_deg - reach_deg, dec_deg + reach_deg),
            )
        ).all()
        here = (ra_deg, dec_deg)
        apart = [separation_arcmin((row.ra_deg, row.dec_deg), here) / 60 for row in rows]
        near = [(far, row) for far, row in zip(apart, rows, strict=True) if far <= reach_deg]
        if near:
            return min(near, key=lambda star: star[0] if is_precise else _mag(star[1]))[1]
    return None


def names_of(star_id: StarId, catalog: AnyRow | None) -> list[str]:
    """Return the names of a star, the best one first; empty if it has none."""
    if star_id.catalog != Catalog.TIC and star_id.picid < 0:
        target = resolver.resolve(f"HIP {-star_id.picid}")
    elif catalog is not None:
        place = (catalog.ra_deg, catalog.dec_deg)
        target = resolver.star_at(*place, EPOCH_YR[catalog.catalog])
    else:
        target = None
    return [] if target is None else [*target.names]


def _mag(star: CatalogStar) -> float:
    return math.inf if math.isnan(star.mag) else star.mag


def is_of(star_id: StarId) -> ColumnElement[bool]:
    """Return the condition that a row of ``sources`` is of this star, at a plausible time."""
    is_star = (Source.picid == star_id.picid) & (Source.catalog == star_id.catalog)
    return is_star & has_plausible(Source.time)


def star_url(picid: int, catalog: str | None) -> str:
    """Return a star's URL."""
    return f"/sources/{picid}?catalog={catalog}"


def named(star: StarId) -> StarName:
    """Return a star, whose catalog is known, as responses name it."""
    return {
        "picid": str(star.picid),
        "catalog": str(star.catalog),
        "url": star_url(star.picid, star.catalog),
    }


def star_name(picid: int, catalog: str) -> str:
    """Return a star's name in its catalog: TIC 123, Gaia DR3 123, HIP 123."""
    if catalog == Catalog.TIC:
        return f"TIC {picid}"
    return f"HIP {-picid}" if picid < 0 else f"Gaia DR3 {picid}"


def _catalog_row(row: AnyRow) -> CatalogEntry:
    """Return a star's catalog entry, with the Julian year of its position.

    Two motions of 0 are unknown: earlier versions loaded them so (`CatalogStar`).
    """
    said = row._asdict()
    if row.pmra_masyr == row.pmdec_masyr == 0:
        said |= {"pmra_masyr": None, "pmdec_masyr": None}
    return as_record(CatalogEntry, {**said, "epoch_yr": EPOCH_YR[row.catalog]})


def _newest_place(found: StarId) -> Select[float, float]:
    of_star = select(Source.ra_deg, Source.dec_deg).where(is_of(found))
    return of_star.order_by(Source.time.desc(), Source.image_key.desc()).limit(1)


def _visits(found: StarId) -> Select[*tuple[object, ...]]:
    """Return the query of a star's sequences, newest first; each row has the overall totals."""
    n_visits = func.count()
    return (
        select(
            *VISIT_COLUMNS,
            n_visits.label("n_visits"),
            func.sum(n_visits).over().label("total_visits"),
            func.count().over().label("n_sequences"),
            func.min(func.min(Source.time)).over().label("first_time"),
            func.max(func.max(Source.time)).over().label("last_time"),
        )
        .select_from(Source)
        .join(Image, Image.image_key == Source.image_key)
        .join(Sequence, Sequence.sequence_id == Image.sequence_id)
        .where(is_of(found))
        .group_by(Sequence.sequence_id)
        .order_by(Sequence.start_time.desc(), Sequence.sequence_id)
    )


def _totals(rows: Rows[AnyRow]) -> dict[str, object]:
    if not rows:
        return {"n_visits": 0, "n_sequences": 0, "first_time": None, "last_time": None}
    row = rows[0]
    return {
        "n_visits": int(row.total_visits),
        "n_sequences": row.n_sequences,
        "first_time": row.first_time,
        "last_time": row.last_time,
    }


def _visit(row: AnyRow) -> Visit:
    columns = row._asdict()
    names = (*(column.key for column in VISIT_COLUMNS), "n_visits")
    return as_record(Visit, {name: columns[name] for name in names})
