"""What is recorded of an image when writers meet: files, headers, refusals."""

from functools import partial

from sqlalchemy import Engine, text

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import record_refusal
from panoptes_network.errors import PermanentError, Reason
from tests.integration.image_rows import (
    IMAGE,
    count,
    history,
    identity,
    image_row,
    record,
    stored,
    together,
)


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
