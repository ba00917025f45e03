"""Claims of images: by whom, of which file, and until when they hold."""

import pytest
from sqlalchemy import Engine, text

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import (
    StaleClaimError,
    check_claim,
    delete_sources,
    end_with_reason,
)
from panoptes_network.states import END_STATES, ImageState
from tests.integration.image_rows import (
    CLOUDY,
    IMAGE_ID,
    START,
    add_source,
    claim,
    claimed,
    count,
    history,
    identity,
    image_row,
    move,
    record,
    together,
)


def test_a_claim_is_of_one_file_and_counts_the_tries(db: Engine) -> None:
    image = record(1, ISO=100)
    first, second = claimed(), claimed()
    assert (first.number, first.tries, second.number, second.tries) == (1, 1, 2, 2)
    assert (second.image_key, second.generation, second.headers) == (
        image.image_key,
        1,
        {"ISO": 100},
    )
    assert second.time == START
    assert image_row(db)["state"] == "solving"
    assert history(db)[1:] == [("solving", None)] * 2


def test_nothing_is_claimed_of_an_unknown_image(db: Engine) -> None:
    assert claim() is None


@pytest.mark.parametrize("generation", [1, 3])
def test_nothing_is_claimed_of_another_generation(db: Engine, generation: int) -> None:
    record(2)
    assert claim(generation) is None
    assert image_row(db)["tries"] == 0


@pytest.mark.parametrize("state", sorted(END_STATES))
def test_nothing_is_claimed_of_an_image_that_has_ended(db: Engine, state: ImageState) -> None:
    record(1)
    move(claimed(), state)
    assert claim() is None
    assert image_row(db)["state"] == state


def test_workers_who_meet_on_one_image_get_claims_of_their_own(db: Engine) -> None:
    record(1)
    numbers = sorted(taken.number for taken in together([claimed] * 6))
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_each_step_is_written_with_its_event(db: Engine) -> None:
    record(1)
    mine = claimed()
    move(mine, ImageState.SOLVED, ra_deg=303.2, rms_arcsec=2.1)
    row = image_row(db)
    assert (row["state"], row["ra_deg"], row["rms_arcsec"]) == ("solved", 303.2, 2.1)
    with db.connect() as connection:
        query = text("SELECT * FROM image_events ORDER BY event_id DESC LIMIT 1")
        event = connection.execute(query).mappings().one()
    assert (event["service"], event["message_id"], event["state"]) == ("worker", "m", "solved")
    assert (event["image_id"], event["bucket_path"]) == (IMAGE_ID, "a.fits")


def test_a_worker_that_was_thought_dead_writes_nothing(db: Engine) -> None:
    record(1)
    late, now = claimed(), claimed()
    with pytest.raises(StaleClaimError):
        move(late, ImageState.SOLVED, ra_deg=1.0)
    move(now, ImageState.SOLVED, ra_deg=2.0)
    assert image_row(db)["ra_deg"] == 2.0
    assert ("solved", None) in history(db)
    assert len(history(db)) == 4


def test_a_newer_file_makes_a_claim_void_and_forgets_its_figures(db: Engine) -> None:
    record(1)
    mine = claimed()
    move(mine, ImageState.SOLVED, ra_deg=1.0, n_sources=5)
    record(2)
    with pytest.raises(StaleClaimError):
        move(mine, ImageState.SOURCES_EXTRACTED)
    row = image_row(db)
    assert (row["state"], row["ra_deg"], row["n_sources"], row["tries"]) == (
        "metadata_received",
        None,
        None,
        0,
    )


@pytest.mark.parametrize("generation", [1, None])
def test_an_older_file_and_late_headers_leave_a_claim_in_force(
    db: Engine, generation: int | None
) -> None:
    record(2)
    mine = claimed(2)
    record(generation, path="old.fits", NOTE="x")
    move(mine, ImageState.SOURCES_EXTRACTED)
    row = image_row(db)
    assert (row["bucket_path"], row["state"]) == ("a.fits", "sources_extracted")
    assert ("NOTE" in row["headers"]) == (generation is None)


def test_an_image_that_ends_without_stamps_leaves_none_of_an_earlier_try(db: Engine) -> None:
    other = record(1, identity(60))
    record(1)
    mine = claimed()
    run_transaction(lambda s: add_source(s, other.image_key, other.time))
    run_transaction(lambda s: add_source(s, mine.image_key, mine.time))
    run_transaction(lambda s: end_with_reason(s, mine, ImageState.UNSOLVED, CLOUDY, 1.5))
    with db.connect() as connection:
        kept = connection.scalars(text("SELECT image_key FROM sources")).all()
        [row] = connection.execute(
            text("SELECT * FROM images WHERE image_id = :id"), {"id": IMAGE_ID}
        ).mappings()
    assert kept == [other.image_key]
    assert (row["state"], row["reason_code"], row["reason"], row["processing_s"]) == (
        "unsolved",
        "too_few_sources",
        "too few stars",
        1.5,
    )
    assert history(db)[-1] == ("unsolved", "too_few_sources")


def test_a_stale_worker_removes_no_sources(db: Engine) -> None:
    record(1)
    late, now = claimed(), claimed()
    run_transaction(lambda s: add_source(s, now.image_key, now.time))
    with pytest.raises(StaleClaimError):
        run_transaction(lambda s: end_with_reason(s, late, ImageState.UNSOLVED, CLOUDY, 1.0))
    assert count(db, "sources") == 1
    run_transaction(lambda s: delete_sources(s, now))
    assert count(db, "sources") == 0


def test_a_claim_is_checked_without_a_trace(db: Engine) -> None:
    record(1)
    late, now = claimed(), claimed()
    before, events = image_row(db), history(db)
    run_transaction(lambda s: check_claim(s, now))
    with pytest.raises(StaleClaimError):
        run_transaction(lambda s: check_claim(s, late))
    assert (image_row(db), history(db)) == (before, events)
