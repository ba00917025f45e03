"""Queries of candidates."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from observations_data.candidates.parameters import CandidateSearch, Sort
from observations_data.database import AnyRow, as_record, count, unknown
from observations_data.pagination import Number, fetch_page
from observations_data.stars.parameters import StarId
from observations_data.stars.star import star_url
from panoptes_network.database.light_curve_models import Candidate, StarLightCurve
from panoptes_network.database.models import Sequence
from panoptes_network.responses import candidates as responses
from panoptes_network.sky.zones import is_near

COLUMNS = tuple(Candidate.__table__.columns)
MAX_PER_STAR = 50
_KEYS: dict[str, Number] = {
    Sort.SIGNIFICANCE: Candidate.significance.expression,
    Sort.FALSE_ALARM: Candidate.false_alarm_probability.expression,
    Sort.DEPTH: Candidate.depth.expression,
    Sort.DURATION: Candidate.duration_h.expression,
    Sort.PERIOD: Candidate.period_d.expression,
    Sort.MAG: Candidate.gaia_mag.expression,
    Sort.FOUND: func.extract("epoch", Candidate.found_at),
}


def _of_unit(unit: str) -> ColumnElement[bool]:
    """Return the condition that the unit observed the searched sequence, or one of several."""
    own = select(Sequence.sequence_id).where(Sequence.unit_id == unit.upper())
    seen = select(StarLightCurve.picid).where(
        StarLightCurve.picid == Candidate.picid,
        StarLightCurve.catalog == Candidate.catalog,
        StarLightCurve.sequence_id.in_(own),
    )
    of_all_nights = and_(Candidate.sequence_id.is_(None), seen.exists())
    return or_(Candidate.sequence_id.in_(own), of_all_nights)


_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "kind": lambda kind: Candidate.kind == kind,
    "min_significance": lambda value: Candidate.significance >= value,
    "max_false_alarm": lambda value: Candidate.false_alarm_probability <= value,
    "min_mag": lambda value: Candidate.gaia_mag >= value,
    "max_mag": lambda value: Candidate.gaia_mag <= value,
    "sequence_id": lambda sequence_id: Candidate.sequence_id == sequence_id,
    "unit": _of_unit,
    "known": lambda known: Candidate.known_name.is_not(None) == known,
    "cone": lambda cone: is_near(
        Candidate.ra_deg, Candidate.dec_deg, (cone.ra_deg, cone.dec_deg), cone.radius_deg
    ),
}


def candidates(session: Session, search: CandidateSearch) -> responses.CandidatePage:
    """Return a page of candidates."""
    asked = {name: getattr(search, name) for name in _CONDITIONS}
    meets = [_CONDITIONS[name](value) for name, value in asked.items() if value is not None]
    key, number = _KEYS[search.order.sort], Candidate.candidate_id.expression
    found = select(*COLUMNS).where(*meets)
    page, following = fetch_page(session, found, key, (number,), search.order, search.limit)
    return {
        "items": [_candidate(row) for row in page],
        "total": count(session, select(func.count()).select_from(Candidate).where(*meets)),
        "next": following,
        "sort": search.order.sort,
        "order": search.order.direction,
    }


def candidate(session: Session, candidate_id: int) -> responses.Candidate:
    """Return one candidate.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if there is no candidate with this id.
    """
    wanted = select(*COLUMNS).where(Candidate.candidate_id == candidate_id)
    row = session.execute(wanted).one_or_none()
    if row is None:
        raise unknown("candidate", str(candidate_id))
    return _candidate(row)


def candidates_of(session: Session, star: StarId) -> list[responses.Candidate]:
    """Return the candidates of a star, most significant first."""
    rows = session.execute(
        select(*COLUMNS)
        .where(Candidate.picid == star.picid, Candidate.catalog == star.catalog)
        .order_by(Candidate.significance.desc(), Candidate.candidate_id)
        .limit(MAX_PER_STAR)
    )
    return [_candidate(row) for row in rows]


def known_as(session: Session, star: StarId) -> responses.KnownAs:
    """Return `known_name` and `known_kind` of a known star; None for others."""
    row = session.execute(
        select(Candidate.known_name, Candidate.known_kind)
        .where(Candidate.picid == star.picid, Candidate.catalog == star.catalog)
        .order_by(Candidate.known_name.is_(None), Candidate.candidate_id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return {"known_name": None, "known_kind": None}
    return {"known_name": row.known_name, "known_kind": row.known_kind}


def _candidate(row: AnyRow) -> responses.Candidate:
    columns = {column.name: getattr(row, column.name) for column in COLUMNS}
    made = {
        "picid": str(row.picid),
        "url": f"/candidates/{row.candidate_id}",
        "star_url": star_url(row.picid, row.catalog),
    }
    return as_record(responses.Candidate, columns | made)
