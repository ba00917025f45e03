"""Queries of light curves: of a sequence, of a star, and their files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, as_record, count, plain, unknown
from observations_data.detrended.parameters import CurveSearch, Sort
from observations_data.files import LIGHT_CURVE_COLUMNS, light_curve_files
from observations_data.pagination import Number, fetch_page
from observations_data.stars.parameters import StarId
from observations_data.stars.star import star_url
from panoptes_network.config import settings
from panoptes_network.database.light_curve_models import LightCurveSet, StarLightCurve
from panoptes_network.database.models import Sequence
from panoptes_network.responses.light_curves import (
    CurvePage,
    CurveStar,
    CurveSummary,
    StarPlace,
)
from panoptes_network.sky.zones import is_near
from panoptes_network.storage import StoredObject

SUMMARY_COLUMNS = (
    StarLightCurve.n_frames,
    StarLightCurve.n_good,
    StarLightCurve.first_time,
    StarLightCurve.last_time,
    StarLightCurve.scatter,
    StarLightCurve.expected_noise,
    StarLightCurve.reduced_chi2,
    StarLightCurve.variability,
    StarLightCurve.quality,
)
STAR_COLUMNS = (
    StarLightCurve.picid,
    StarLightCurve.catalog,
    StarLightCurve.ra_deg,
    StarLightCurve.dec_deg,
    StarLightCurve.gaia_mag,
)
LISTED = (*STAR_COLUMNS, *SUMMARY_COLUMNS)
SET_COLUMNS = (
    LightCurveSet.n_frames,
    LightCurveSet.n_stars,
    LightCurveSet.photon_limit_ratio,
    LightCurveSet.made_at,
    LightCurveSet.reason_code,
    LightCurveSet.reason,
)
MAX_PER_STAR = 500
_KEYS: dict[str, Number] = {
    Sort.MAG: StarLightCurve.gaia_mag.expression,
    Sort.SCATTER: StarLightCurve.scatter.expression,
    Sort.EXCESS: StarLightCurve.scatter / func.nullif(StarLightCurve.expected_noise, 0),
    Sort.CHI2: StarLightCurve.reduced_chi2.expression,
    Sort.VARIABILITY: StarLightCurve.variability.expression,
}
_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "min_mag": lambda value: StarLightCurve.gaia_mag >= value,
    "max_mag": lambda value: StarLightCurve.gaia_mag <= value,
    "min_variability": lambda value: StarLightCurve.variability >= value,
    "cone": lambda cone: is_near(
        StarLightCurve.ra_deg, StarLightCurve.dec_deg, (cone.ra_deg, cone.dec_deg), cone.radius_deg
    ),
}


@dataclass(frozen=True, slots=True)
class StoredCurve:
    """A star's light curve in one sequence: its rows are in `file`, from `first_row` on."""

    summary: CurveSummary
    star: StarPlace
    picid: int
    file: StoredObject
    first_row: int


def curves_of_sequence(session: Session, sequence_id: str, search: CurveSearch) -> CurvePage:
    """Return a sequence's light-curve set, and a page of its stars as ``items``.

    If no light curves were made yet, `made_at` is None and there are no items; `reason` explains
    why the last attempt failed.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the sequence does not exist.
    """
    made = session.execute(
        select(Sequence.sequence_id, *SET_COLUMNS, *LIGHT_CURVE_COLUMNS)
        .outerjoin(LightCurveSet, LightCurveSet.sequence_id == Sequence.sequence_id)
        .where(Sequence.sequence_id == sequence_id)
    ).one_or_none()
    if made is None:
        raise unknown("observation", sequence_id)
    asked = {name: getattr(search, name) for name in _CONDITIONS}
    meets = [_CONDITIONS[name](value) for name, value in asked.items() if value is not None]
    meets.append(StarLightCurve.sequence_id == sequence_id)
    page, following = fetch_page(
        session,
        select(*LISTED).where(*meets),
        _KEYS[search.order.sort],
        (StarLightCurve.picid.expression, StarLightCurve.catalog.expression),
        search.order,
        search.limit,
    )
    return as_record(
        CurvePage,
        {
            "sequence_id": sequence_id,
            **{column.key: getattr(made, column.key) for column in SET_COLUMNS},
            "files": light_curve_files(made),
            "items": [_star(row) for row in page],
            "total": count(session, select(func.count()).select_from(StarLightCurve).where(*meets)),
            "next": following,
            "sort": search.order.sort,
            "order": search.order.direction,
        },
    )


def curves_of_star(
    session: Session, star: StarId, sequence_id: str | None = None, limit: int = MAX_PER_STAR
) -> list[StoredCurve]:
    """Return the sequences with a light curve of a star, newest first."""
    own = [StarLightCurve.picid == star.picid, StarLightCurve.catalog == star.catalog]
    if sequence_id is not None:
        own.append(StarLightCurve.sequence_id == sequence_id)
    rows = session.execute(
        select(
            StarLightCurve.sequence_id,
            *STAR_COLUMNS,
            *SUMMARY_COLUMNS,
            StarLightCurve.first_row,
            *LIGHT_CURVE_COLUMNS,
            LightCurveSet.parquet_generation,
            LightCurveSet.made_at,
        )
        .join(LightCurveSet, LightCurveSet.sequence_id == StarLightCurve.sequence_id)
        .where(*own)
        .order_by(StarLightCurve.first_time.desc(), StarLightCurve.sequence_id.desc())
        .limit(limit)
    ).all()
    return [_curve(row) for row in rows]


def _star(row: AnyRow) -> CurveStar:
    columns = {column.key: getattr(row, column.key) for column in LISTED}
    star = {"picid": str(row.picid), "url": star_url(row.picid, row.catalog)}
    return as_record(CurveStar, columns | star)


def _curve(row: AnyRow) -> StoredCurve:
    summary = {
        "sequence_id": row.sequence_id,
        **{column.key: getattr(row, column.key) for column in SUMMARY_COLUMNS},
        "made_at": row.made_at,
        "files": light_curve_files(row),
    }
    star = {"ra_deg": row.ra_deg, "dec_deg": row.dec_deg, "gaia_mag": row.gaia_mag}
    return StoredCurve(
        summary=as_record(CurveSummary, plain(summary)),
        star=as_record(StarPlace, plain(star)),
        picid=row.picid,
        file=StoredObject(
            settings().processed_bucket,
            row.parquet_path,
            row.parquet_generation,
            row.parquet_bytes,
        ),
        first_row=row.first_row,
    )
