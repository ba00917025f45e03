"""Transit and variable-star candidates, stored per sequence or for all nights of a star."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.light_curve_models import Candidate, VettingValue

ROWS_AT_ONCE = 1000
SUBJECT = ("kind", "picid", "catalog", "sequence_id")


class CandidateKind(StrEnum):
    """Kinds of candidates."""

    TRANSIT = "transit"
    VARIABLE = "variable"


@dataclass(frozen=True, kw_only=True)
class FoundCandidate:
    """A candidate as the search found it, stored as `Candidate`.

    Parameters
    ----------
    kind : CandidateKind
    picid : int
    catalog : str
        ``tic`` or ``gaia``.
    ra_deg, dec_deg : float
    gaia_mag : float, optional
    n_nights : int
    significance, false_alarm_probability : float
    depth, depth_err, duration_h, mid_bjd_tdb : float, optional
        Of a transit.
    period_d : float, optional
        Where more than one event, or a whole cycle, was seen.
    amplitude : float, optional
        Of a variable.
    known_name, known_kind : str, optional
        Where the star is in the list of known ones.
    vetting : dict
        By `panoptes_network.light_curves.schema.Vetting`.
    """

    kind: CandidateKind
    picid: int
    catalog: str
    ra_deg: float
    dec_deg: float
    gaia_mag: float | None
    n_nights: int
    significance: float
    false_alarm_probability: float
    depth: float | None = None
    depth_err: float | None = None
    duration_h: float | None = None
    mid_bjd_tdb: float | None = None
    period_d: float | None = None
    amplitude: float | None = None
    known_name: str | None = None
    known_kind: str | None = None
    vetting: Mapping[str, VettingValue] = field(default_factory=dict)


def replace_sequence_candidates(
    session: Session, sequence_id: str, found: Sequence[FoundCandidate]
) -> None:
    """Replace a sequence's candidates by those found now; the caller commits.

    A row whose star and kind are found again keeps its id and the time of its first detection.
    """
    _replace(session, [Candidate.sequence_id == sequence_id], sequence_id, found)


def replace_star_candidates(
    session: Session, searched: Sequence[tuple[int, str]], found: Sequence[FoundCandidate]
) -> None:
    """Replace the candidates over all nights of the searched stars by those found now.

    Parameters
    ----------
    session : Session
        The caller commits.
    searched : sequence of (int, str)
        `picid` and catalog of each star whose nights were searched together.
    found : sequence of FoundCandidate
        Of these stars; those of other stars stay as they are.
    """
    star = tuple_(Candidate.picid, Candidate.catalog)
    own = [
        star.in_(searched[start : start + ROWS_AT_ONCE])
        for start in range(0, len(searched), ROWS_AT_ONCE)
    ]
    _replace(session, [Candidate.sequence_id.is_(None) & some for some in own], None, found)


def _replace(
    session: Session,
    earlier: Sequence[ColumnElement[bool]],
    sequence_id: str | None,
    found: Sequence[FoundCandidate],
) -> None:
    """Delete earlier rows that were not found again, and write those found."""
    kept = {(row.kind.value, row.picid, row.catalog) for row in found}
    for own in earlier:
        rows = session.execute(
            select(
                Candidate.candidate_id, Candidate.kind, Candidate.picid, Candidate.catalog
            ).where(own)
        )
        stale = [candidate_id for candidate_id, *subject in rows if tuple(subject) not in kept]
        session.execute(delete(Candidate).where(Candidate.candidate_id.in_(stale)))
    for start in range(0, len(found), ROWS_AT_ONCE):
        some = found[start : start + ROWS_AT_ONCE]
        _write(session, [{**asdict(row), "sequence_id": sequence_id} for row in some])


def _write(session: Session, rows: list[dict[str, object]]) -> None:
    statement = insert(Candidate).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in SUBJECT}
    session.execute(statement.on_conflict_do_update(constraint="candidates_subject", set_=changed))
