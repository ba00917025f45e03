"""What is written about an image when writers meet: claims, generations, refusals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import (
    Claim,
    StaleClaimError,
    advance,
    check_claim,
    claim_image,
    delete_sources,
    end_with_reason,
)
from panoptes_network.database.images import record_image, record_refusal
from panoptes_network.database.models import Image
from panoptes_network.errors import PermanentError, Reason, UnsolvedError
from panoptes_network.events import PipelineImage
from panoptes_network.frames.metadata import Identity, identify
from panoptes_network.ids import CameraTime
from panoptes_network.states import END_STATES, ImageState
from panoptes_network.storage import StoredObject

T = TypeVar("T")

START = datetime(2018, 10, 11, 13, 42, 2, tzinfo=UTC)
CLOUDY = UnsolvedError(Reason.TOO_FEW_SOURCES, "too few stars")


def identity(seconds: int = 0, unit: str = "PAN001", camera: str = "14d3bd") -> Identity:
    image = CameraTime(unit, camera, START + timedelta(seconds=seconds))
    return identify(None, {"IMAGEID": str(image), "SEQID": str(CameraTime(unit, camera, START))})


IMAGE = identity()
IMAGE_ID = str(IMAGE.image)


def stored(generation: int, path: str = "a.fits") -> StoredObject:
    return StoredObject("panoptes-raw", path, generation, 100)


def record(
    generation: int | None, which: Identity = IMAGE, path: str = "a.fits", **headers: Any
) -> Image:
    file = None if generation is None else stored(generation, path)
    return run_transaction(lambda s: record_image(s, which, headers, file, "test"))


def claim(generation: int = 1, message_id: str = "m") -> Claim | None:
    message = PipelineImage(
        image_id=IMAGE_ID, bucket="panoptes-raw", bucket_path="a.fits", generation=generation
    )
    return run_transaction(lambda s: claim_image(s, message, message_id, "worker"))


def claimed(generation: int = 1) -> Claim:
    taken = claim(generation)
    assert taken is not None
    return taken


def move(by: Claim, state: ImageState, **columns: Any) -> None:
    run_transaction(lambda s: advance(s, by, state, **columns))


def image_row(db: Engine) -> dict[str, Any]:
    with db.connect() as connection:
        return dict(connection.execute(text("SELECT * FROM images")).mappings().one())


def history(db: Engine) -> list[tuple[str, str | None]]:
    query = text("SELECT state, reason_code FROM image_events ORDER BY event_id")
    with db.connect() as connection:
        return [(state, reason) for state, reason in connection.execute(query)]


def count(db: Engine, table: str) -> int:
    with db.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


def together(works: list[Callable[[], T]]) -> list[T]:
    """Run each work in a thread of its own, all of them from the same moment."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_writers_who_meet_on_one_image_make_one_row(db: Engine) -> None:
    together([lambda: record(1, ISO=100)] * 6)
    assert count(db, "images") == count(db, "sequences") == count(db, "units") == 1
    assert history(db) == [("metadata_received", None)]


def test_writers_of_the_same_units_do_not_block_each_other(db: Engine) -> None:
    identities = [identity(n, f"PAN00{n % 2}", f"14d3b{n % 2}") for n in range(6)]
    together([partial(record, 1, which) for which in identities * 2])
    assert count(db, "images") == 6
    assert count(db, "units") == count(db, "cameras") == 2


def test_a_newer_file_wins_whichever_is_recorded_first(db: Engine) -> None:
    together([partial(record, n, path=f"{n}.fits", GEN=n) for n in (3, 1, 2, 5, 4)])
    row = image_row(db)
    assert (row["generation"], row["bucket_path"], row["headers"]) == (5, "5.fits", {"GEN": 5})


def test_the_newest_image_says_what_a_unit_and_a_camera_are(db: Engine) -> None:
    record(1, identity(0), CAMSN="12")
    record(1, identity(1), CAMSN="34", OBSERVER="Hale Pohaku")
    with db.connect() as connection:
        query = text("SELECT name, serial_number FROM units JOIN cameras USING (unit_id)")
        assert connection.execute(query).one() == ("Hale Pohaku", "34")


def test_a_file_that_follows_its_headers_keeps_what_they_said(db: Engine) -> None:
    record(None, MOONFRAC=0.5)
    assert image_row(db)["generation"] == 0
    record(7, ISO=100)
    row = image_row(db)
    assert (row["generation"], row["headers"]) == (7, {"MOONFRAC": 0.5, "ISO": 100})


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


def add_source(session: Session, key: int, time: datetime) -> None:
    session.execute(text("SELECT ensure_sources_partition(:time)"), {"time": time})
    session.execute(
        text(
            "INSERT INTO sources (time, image_key, number, ra_deg, dec_deg, x_px, y_px, flux_adu,"
            " flux_err_adu, peak_adu, fwhm_px, ellipticity, flags)"
            " VALUES (:time, :key, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
        ),
        {"time": time, "key": key},
    )


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


NO_FITS = PermanentError(Reason.NOT_FITS, "the file is not FITS")


def refuse(generation: int) -> None:
    file = stored(generation)
    run_transaction(
        lambda s: record_refusal(s, NO_FITS, "test", "a.fits", identity=IMAGE, stored=file)
    )


def test_a_refused_file_ends_its_image(db: Engine) -> None:
    refuse(1)
    refuse(1)
    row = image_row(db)
    assert (row["state"], row["reason_code"], row["reason"]) == (
        "error",
        "not_fits",
        "the file is not FITS",
    )
    assert history(db) == [("metadata_received", None), ("error", "not_fits")]
    record(2)
    assert (image_row(db)["state"], image_row(db)["reason_code"]) == ("metadata_received", None)


def test_the_refusal_of_an_older_file_leaves_the_image_as_it_is(db: Engine) -> None:
    record(2)
    before = image_row(db)
    refuse(1)
    assert image_row(db) == before


def test_a_refused_file_without_an_image_is_logged_under_its_path(db: Engine) -> None:
    path = "nul \0 and \ud800 and ż" + "ż" * 5000
    run_transaction(lambda s: record_refusal(s, NO_FITS, "test", path))
    with db.connect() as connection:
        [event] = connection.execute(text("SELECT * FROM image_events")).mappings()
    assert event["bucket_path"].startswith("nul \\0 and \\ud800 and żż")
    assert (event["image_id"], event["reason_code"]) == (None, "not_fits")


def test_a_refused_file_without_an_image_is_logged_once_a_generation(db: Engine) -> None:
    for generation in (1, 1, 2, 1):
        file = stored(generation)
        run_transaction(
            partial(
                record_refusal, error=NO_FITS, service="test", bucket_path="a.fits", stored=file
            )
        )
    assert count(db, "image_events") == 2


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


def test_a_claim_is_checked_without_a_trace(db: Engine) -> None:
    record(1)
    late, now = claimed(), claimed()
    before, events = image_row(db), history(db)
    run_transaction(lambda s: check_claim(s, now))
    with pytest.raises(StaleClaimError):
        run_transaction(lambda s: check_claim(s, late))
    assert (image_row(db), history(db)) == (before, events)
