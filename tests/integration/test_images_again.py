"""Images that are processed again: their result stands until the new one is whole."""

from typing import Any

import pytest
from sqlalchemy import Engine

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import (
    Claim,
    StaleClaimError,
    claim_image,
    end_with_reason,
)
from panoptes_network.events import PipelineImage
from panoptes_network.states import END_STATES, ImageState
from tests.integration.image_rows import (
    CLOUDY,
    IMAGE_ID,
    add_source,
    claimed,
    count,
    history,
    image_row,
    move,
    record,
)


def wanted_again(message_id: str, generation: int = 1) -> Claim | None:
    message = PipelineImage(
        image_id=IMAGE_ID,
        bucket="panoptes-raw",
        bucket_path="a.fits",
        generation=generation,
        reprocess=True,
    )
    return run_transaction(lambda s: claim_image(s, message, message_id, "worker"))


def claimed_again(message_id: str = "again") -> Claim:
    taken = wanted_again(message_id)
    assert taken is not None
    return taken


def with_result(db: Engine) -> dict[str, Any]:
    """Take an image to its sources; return its row."""
    record(1)
    mine = claimed()
    move(mine, ImageState.SOLVED, ra_deg=1.0, solved_path="a.fits.fz")
    run_transaction(lambda s: add_source(s, mine.image_key, mine.time))
    move(mine, ImageState.SOURCES_EXTRACTED, n_sources=1)
    return image_row(db)


def but_claim(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "claim"}


def test_a_result_stands_until_the_new_one_is_whole(db: Engine) -> None:
    before = with_result(db)
    mine = claimed_again()
    assert (mine.keeps_result, mine.tries, mine.number) == (True, 1, before["claim"] + 1)
    move(mine, ImageState.SOLVED, ra_deg=2.0)
    move(mine, ImageState.SOURCES_DETECTED, n_sources=2)
    assert but_claim(image_row(db)) == but_claim(before)
    move(mine, ImageState.SOURCES_EXTRACTED, ra_deg=2.0, n_sources=2)
    row = image_row(db)
    assert (row["state"], row["ra_deg"], row["n_sources"]) == ("sources_extracted", 2.0, 2)
    assert [state for state, _ in history(db)][-4:] == [
        "solving",
        "solved",
        "sources_detected",
        "sources_extracted",
    ]


def test_a_result_stands_where_the_new_try_fails(db: Engine) -> None:
    before = with_result(db)
    mine = claimed_again()
    run_transaction(lambda s: end_with_reason(s, mine, ImageState.UNSOLVED, CLOUDY, 1.5))
    assert but_claim(image_row(db)) == but_claim(before)
    assert count(db, "sources") == 1
    assert history(db)[-1] == ("unsolved", "too_few_sources")


def test_what_is_wanted_again_is_done_once_a_message(db: Engine) -> None:
    with_result(db)
    move(claimed_again("a"), ImageState.SOURCES_EXTRACTED)
    failing = claimed_again("b")
    run_transaction(lambda s: end_with_reason(s, failing, ImageState.UNSOLVED, CLOUDY, 1.5))
    before, events = image_row(db), history(db)
    assert wanted_again("a") is None
    assert wanted_again("b") is None
    assert (image_row(db), history(db)) == (before, events)
    assert wanted_again("c") is not None


def test_tries_of_what_is_wanted_again_count_by_the_message(db: Engine) -> None:
    before = with_result(db)
    assert [claimed_again().tries for _ in range(3)] == [1, 2, 3]
    assert claimed_again("other").tries == 1
    assert image_row(db)["tries"] == before["tries"]


@pytest.mark.parametrize("state", sorted(END_STATES - {ImageState.SOURCES_EXTRACTED}))
def test_an_image_without_result_is_begun_anew(db: Engine, state: ImageState) -> None:
    record(1)
    for _ in range(4):
        mine = claimed()
    run_transaction(lambda s: end_with_reason(s, mine, state, CLOUDY, 1.5))
    again = claimed_again()
    assert (again.keeps_result, again.tries) == (False, 1)
    row = image_row(db)
    assert (row["state"], row["tries"], row["reason"], row["processing_s"]) == (
        "solving",
        1,
        None,
        None,
    )
    assert (claimed_again().tries, image_row(db)["tries"]) == (2, 2)
    assert history(db)[-1] == ("solving", None)


def test_an_image_that_is_being_processed_is_taken_over(db: Engine) -> None:
    record(1)
    late = claimed()
    now = claimed_again()
    assert (now.keeps_result, now.tries) == (False, 1)
    with pytest.raises(StaleClaimError):
        move(late, ImageState.SOLVED)


@pytest.mark.parametrize("state", [ImageState.SOLVED, ImageState.SOURCES_EXTRACTED])
def test_a_newer_file_makes_it_void_that_an_image_is_wanted_again(
    db: Engine, state: ImageState
) -> None:
    with_result(db)
    mine = claimed_again()
    record(2)
    events = history(db)
    with pytest.raises(StaleClaimError):
        move(mine, state)
    with pytest.raises(StaleClaimError):
        run_transaction(lambda s: end_with_reason(s, mine, ImageState.ERROR, CLOUDY, 1.0))
    assert (image_row(db)["state"], history(db)) == ("metadata_received", events)
    assert wanted_again("late") is None
