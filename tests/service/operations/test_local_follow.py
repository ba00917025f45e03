"""What is read from the real database about images that were uploaded."""

from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from local import follow
from local.follow import Followed
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import record_image, record_refusal
from panoptes_network.database.models import Image
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.metadata import identify
from panoptes_network.ids import parse_path
from panoptes_network.states import ImageState
from panoptes_network.storage import StoredObject

PATH = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"
IMAGE_ID = "PAN001_14d3bd_20181011T134333"
BUCKET = "panoptes-raw"


@pytest.fixture(autouse=True)
def empty_tables(db: Engine) -> None:
    """Each test has the tables to itself."""


def _followed(generation: int = 7) -> Followed:
    return Followed(PATH, generation, datetime.now(UTC) - timedelta(seconds=1))


def _record(generation: int, **results: object) -> None:
    stored = StoredObject(BUCKET, PATH, generation, 100)
    identity = identify(parse_path(PATH), {})

    def work(session: Session) -> None:
        image = record_image(session, identity, {}, stored, "test")
        for name, value in results.items():
            setattr(image, name, value)

    run_transaction(work)


def test_an_image_that_nobody_has_recorded_stays_uploaded() -> None:
    one = _followed()
    follow.refresh([one])
    assert (one.state, one.name, one.has_ended) == ("uploaded", PATH, False)


def test_state_reason_and_id_are_those_of_the_uploaded_generation() -> None:
    _record(7, state=ImageState.UNSOLVED, reason="clouds")
    one, newer = _followed(7), _followed(8)
    follow.refresh([one])
    follow.refresh([newer])
    assert (one.state, one.reason, one.name) == ("unsolved", "clouds", IMAGE_ID)
    assert one.has_ended
    assert not one.succeeded
    assert newer.state == "uploaded"


def test_a_file_that_never_became_an_image_ends_with_its_reason() -> None:
    refusal = PermanentError(Reason.NOT_FITS, "the file is not FITS")
    one = _followed()
    run_transaction(lambda session: record_refusal(session, refusal, "test", PATH))
    follow.refresh([one])
    assert (one.state, one.reason) == ("error", "the file is not FITS")


def test_a_refusal_of_an_earlier_upload_is_none_of_this_one() -> None:
    refusal = PermanentError(Reason.NOT_FITS, "the file is not FITS")
    run_transaction(lambda session: record_refusal(session, refusal, "test", PATH))
    one = Followed(PATH, 8, datetime.now(UTC) + timedelta(seconds=1))
    follow.refresh([one])
    assert one.state == "uploaded"


def test_the_table_shows_what_was_measured_and_leaves_out_what_was_not() -> None:
    solved = Image(
        image_id=IMAGE_ID,
        ra_deg=303.2111,
        dec_deg=46.0204,
        pixel_scale_arcsec=10.2891,
        rms_arcsec=1.234,
        n_sources=1500,
        n_matched=900,
        n_stamps=890,
        processing_s=4.56,
    )
    unsolved = Image(image_id="PAN001_14d3bd_20181011T134633")
    now = datetime.now(UTC)
    console = Console(width=200, record=True, quiet=False, file=None)
    with console.capture() as captured:
        console.print(
            follow.results_table(
                [
                    Followed(PATH, 1, now, "sources_extracted", None, solved),
                    Followed(PATH, 1, now, "unsolved", "clouds", unsolved),
                    Followed("a/[bold]path[/]", 1, now, "error", "no image"),
                ]
            )
        )
    _, *rows = captured.get().splitlines()
    assert rows[0].split() == [
        IMAGE_ID, "sources_extracted", "303.2111", "+46.0204",
        "10.2891", "1.234", "1500", "900", "890", "4.6",
    ]  # fmt: skip
    assert rows[1].split() == ["PAN001_14d3bd_20181011T134633", "unsolved"]
    assert rows[2].split() == ["a/[bold]path[/]", "error"]
