"""The rows of candidates: replaced at once, by sequence or by star, and never doubled."""

from functools import partial

import pytest
from sqlalchemy import Engine

from panoptes_network.database.candidates import (
    CandidateKind,
    FoundCandidate,
    replace_sequence_candidates,
    replace_star_candidates,
)
from panoptes_network.database.engine import run_transaction
from tests.service.support.operations import change, rows
from tests.service.support.solved_rows import SEQUENCE_ID, add_solved


@pytest.fixture(autouse=True)
def sequences(db: Engine) -> None:
    add_solved(db, 1)
    change(db, "INSERT INTO light_curve_sets (sequence_id) SELECT sequence_id FROM sequences")


def one(picid: int, **values: object) -> FoundCandidate:
    known: dict[str, object] = {
        "kind": CandidateKind.TRANSIT,
        "picid": picid,
        "catalog": "gaia",
        "ra_deg": 300.0,
        "dec_deg": 44.0,
        "gaia_mag": 10.0,
        "n_nights": 1,
        "significance": 9.0,
        "false_alarm_probability": 1e-5,
    }
    return FoundCandidate(**{**known, **values})  # type: ignore[arg-type]


def of_sequence(*found: FoundCandidate) -> None:
    run_transaction(
        partial(replace_sequence_candidates, sequence_id=SEQUENCE_ID, found=list(found))
    )


def of_stars(searched: list[int], *found: FoundCandidate) -> None:
    stars = [(picid, "gaia") for picid in searched]
    run_transaction(partial(replace_star_candidates, searched=stars, found=list(found)))


def kept(db: Engine, *names: str) -> list[tuple[object, ...]]:
    found = rows(db, "SELECT * FROM candidates ORDER BY sequence_id NULLS LAST, picid, kind")
    return [tuple(row[name] for name in names or ("picid", "sequence_id")) for row in found]


def test_the_same_search_twice_leaves_the_same_rows(db: Engine) -> None:
    of_sequence(one(1, vetting={"colours_agree": 3}), one(2))
    before = rows(db, "SELECT * FROM candidates ORDER BY picid")
    of_sequence(one(1, vetting={"colours_agree": 3}), one(2))
    assert rows(db, "SELECT * FROM candidates ORDER BY picid") == before
    assert before[0]["vetting"] == {"colours_agree": 3}


def test_a_star_that_is_found_again_keeps_its_row_and_one_that_is_not_goes(db: Engine) -> None:
    of_sequence(one(1, depth=0.01), one(2))
    [(number, _), _] = kept(db, "candidate_id", "depth")
    of_sequence(one(1, depth=0.02), one(3))
    assert kept(db, "candidate_id", "depth")[0] == (number, 0.02)
    assert kept(db) == [(1, SEQUENCE_ID), (3, SEQUENCE_ID)]


def test_a_star_may_be_a_transit_and_a_variable(db: Engine) -> None:
    of_sequence(one(1), one(1, kind=CandidateKind.VARIABLE))
    assert kept(db, "kind") == [("transit",), ("variable",)]


def test_rows_of_all_nights_change_for_the_stars_that_were_searched(db: Engine) -> None:
    of_sequence(one(1))
    of_stars([1, 2, 3], one(1, period_d=2.5), one(2))
    of_stars([2, 3], one(3))
    assert kept(db) == [(1, SEQUENCE_ID), (1, None), (3, None)]
    of_sequence()
    of_stars([], *[])
    assert kept(db) == [(1, None), (3, None)]


def test_very_many_candidates_are_written(db: Engine) -> None:
    of_sequence(*(one(picid) for picid in range(2500)))
    assert rows(db, "SELECT count(*) AS n FROM candidates")[0]["n"] == 2500


def test_without_its_light_curves_a_sequence_has_no_candidates(db: Engine) -> None:
    of_sequence(one(1))
    change(db, "DELETE FROM light_curve_sets")
    assert kept(db) == []
