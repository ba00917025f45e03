"""Who may write the light curves of a sequence, and when they are due."""

from functools import partial

import pytest
from sqlalchemy import Engine, text

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.films import Tried
from panoptes_network.database.image_claims import StaleClaimError
from panoptes_network.database.light_curve_sets import (
    ClaimedError,
    SetClaim,
    claim_set,
    find_due,
    is_up_to_date,
    keep_claim,
    note_sent,
    record_no_set,
    record_set,
    release_claim,
)
from panoptes_network.errors import PermanentError, Reason
from tests.service.support.operations import add_image, change, rows
from tests.service.support.solved_rows import SEQUENCE_ID, add_solved, image_id

ERROR = PermanentError(Reason.NO_CATALOG, "no stars of this field")


def claim() -> SetClaim:
    taken = run_transaction(partial(claim_set, sequence_id=SEQUENCE_ID))
    assert taken is not None
    return taken


def nothing_to_do() -> bool:
    return run_transaction(partial(claim_set, sequence_id=SEQUENCE_ID)) is None


def record(held: SetClaim, path: str = "a.parquet") -> str | None:
    columns = {"parquet_path": path, "n_frames": len(held.images)}
    return run_transaction(partial(record_set, claim=held, columns=columns)).parquet_path


def due(quiet_s: float = 600) -> list[str]:
    return run_transaction(partial(find_due, quiet_s=quiet_s))


def fall_silent(db: Engine) -> None:
    change(db, "UPDATE light_curve_sets SET claimed_at = now() - interval '3 minutes'")


def the_set(db: Engine) -> dict[str, object]:
    [row] = rows(db, "SELECT * FROM light_curve_sets")
    return row


def test_a_claim_names_the_solved_images_and_the_site(db: Engine) -> None:
    add_solved(db, 2, 0, 1)
    add_image(db, image_id(3), state="unsolved", generation=9)
    assert claim().site is None
    change(db, "UPDATE units SET latitude_deg = 19.5, longitude_deg = -155.6")
    fall_silent(db)
    held = claim()
    assert [image.image_id for image in held.images] == [image_id(n) for n in range(3)]
    assert (held.tried, held.tries, held.number) == (Tried(3, 3), 2, 2)
    assert held.site is not None
    assert (held.site.latitude_deg, held.site.elevation_m) == (19.5, 0)


def test_nothing_is_to_do_without_a_sequence_or_before_its_images_have_ended(db: Engine) -> None:
    assert nothing_to_do()
    add_solved(db, 0, 1, 2)
    add_image(db, image_id(3), state="solving", generation=9)
    assert nothing_to_do()
    change(db, "UPDATE images SET updated_at = now() - interval '2 hours'")
    assert len(claim().images) == 3


def test_another_worker_waits_until_the_first_is_silent(db: Engine) -> None:
    add_solved(db, 0, 1, 2)
    first = claim()
    with pytest.raises(ClaimedError):
        claim()
    fall_silent(db)
    run_transaction(partial(keep_claim, claim=first))
    with pytest.raises(ClaimedError):
        claim()
    fall_silent(db)
    second = claim()
    assert second.number == first.number + 1
    for late in (keep_claim, partial(record_set, columns={}), partial(record_no_set, error=ERROR)):
        with pytest.raises(StaleClaimError):
            run_transaction(partial(late, claim=first))
    run_transaction(partial(release_claim, claim=first))
    with pytest.raises(ClaimedError):
        claim()
    run_transaction(partial(release_claim, claim=second))
    third = claim()
    run_transaction(partial(release_claim, claim=third, was_tried=False))
    assert (third.tries, claim().tries) == (3, 3)


def test_what_was_tried_is_not_tried_again_until_the_sequence_grows(db: Engine) -> None:
    add_solved(db, 0, 1, 2)
    assert record(claim()) is None
    assert nothing_to_do()
    add_solved(db, 3)
    grown = claim()
    assert grown.tries == 1
    run_transaction(partial(record_no_set, claim=grown, error=ERROR))
    assert nothing_to_do()
    row = the_set(db)
    assert (row["parquet_path"], row["n_frames"]) == ("a.parquet", 3)
    assert (row["images"], row["generation"], row["reason_code"]) == (4, 4, "no_catalog")
    add_solved(db, 4)
    assert record(claim(), "b.parquet") == "a.parquet"
    assert (the_set(db)["parquet_path"], the_set(db)["reason"]) == ("b.parquet", None)


def test_a_sequence_without_any_solved_image_is_tried_once(db: Engine) -> None:
    add_image(db, state="unsolved")
    run_transaction(partial(record_no_set, claim=claim(), error=ERROR))
    assert nothing_to_do()


def test_a_sequence_is_due_when_it_is_quiet_and_whole(db: Engine) -> None:
    add_solved(db, 0, 1)
    assert due() == []
    add_solved(db, 2, age_s=30)
    assert due() == []
    assert due(quiet_s=20) == [SEQUENCE_ID]
    add_image(db, image_id(3), state="solving", generation=9, age_s=1800)
    assert due(quiet_s=20) == []
    with db.begin() as connection:
        connection.execute(text("UPDATE images SET updated_at = now() - interval '2 hours'"))
    assert due() == [SEQUENCE_ID]


def test_it_is_asked_for_once_in_six_hours_and_again_when_it_grew(db: Engine) -> None:
    add_solved(db, 0, 1, 2)
    run_transaction(partial(note_sent, sequence_id=SEQUENCE_ID))
    assert due() == []
    change(db, "UPDATE light_curve_sets SET asked_at = now() - interval '7 hours'")
    assert due() == [SEQUENCE_ID]
    held = claim()
    assert due() == []
    add_solved(db, 3)
    record(held)
    assert due() == [SEQUENCE_ID]
    assert not run_transaction(partial(is_up_to_date, sequence_id=SEQUENCE_ID))
    record(claim())
    assert due() == []
    assert run_transaction(partial(is_up_to_date, sequence_id=SEQUENCE_ID))


def test_a_sequence_that_was_given_up_is_tried_again_a_day_later(db: Engine) -> None:
    add_solved(db, 0, 1, 2)
    change(db, "UPDATE images SET updated_at = now() - interval '30 days'")
    given_up = PermanentError(Reason.TRIES_EXHAUSTED, "storage took no file")
    run_transaction(partial(record_no_set, claim=claim(), error=given_up))
    assert (due(), nothing_to_do()) == ([], True)
    change(db, "UPDATE light_curve_sets SET updated_at = now() - interval '25 hours'")
    assert due() == [SEQUENCE_ID]
    assert record(claim()) is None
    assert (due(), nothing_to_do()) == ([], True)


def test_a_sequence_that_is_to_be_tried_anew_is_due_however_old_it_is(db: Engine) -> None:
    add_solved(db, 0, 1, 2)
    change(db, "UPDATE images SET updated_at = now() - interval '30 days'")
    run_transaction(partial(record_no_set, claim=claim(), error=ERROR))
    assert due() == []
    change(db, "UPDATE light_curve_sets SET images = 0")
    assert due() == [SEQUENCE_ID]


def test_a_claim_whose_work_has_ended_is_not_kept_alive(db: Engine) -> None:
    add_solved(db, 0, 1, 2)
    ended = claim()
    record(ended)
    with pytest.raises(StaleClaimError):
        run_transaction(partial(keep_claim, claim=ended))
    add_solved(db, 3)
    assert claim().number == ended.number + 1
