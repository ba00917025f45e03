"""A dead letter whose work has since been done closes itself with the next sweep; others stay."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from tests.service.support.functions import IMAGE_ID, PATH, SEQUENCE_ID, Network
from tests.service.support.operations import (
    CR2,
    PRODUCTS,
    add_file,
    add_image,
    ask,
    change,
    dead_letter,
    letters,
)
from tests.service.support.solved_rows import add_solved

Happening = Callable[[Engine], None]


@pytest.fixture
def operations(network: Network, function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-operations")


def give_up(operations: FlaskClient, subscription: str, topic: str, **data: Any) -> None:
    content = json.dumps(data).encode()
    push = dead_letter(content, subscription=subscription, topic=topic, message_id=subscription)
    ask(operations, "/dead-letter", **push)


def pipeline(operations: FlaskClient, subscription: str, **more: Any) -> None:
    topic, bucket = settings().pipeline_topic, settings().raw_bucket
    message = {"image_id": IMAGE_ID, "bucket": bucket, "bucket_path": PATH, "generation": 3}
    give_up(operations, subscription, topic, **message, **more)


def raw(operations: FlaskClient) -> None:
    message = {"bucket": settings().raw_bucket, "bucket_path": CR2, "generation": 3}
    give_up(operations, "cf-make-jpg", settings().raw_topic, **message)


def upload(operations: FlaskClient, name: str) -> None:
    stored = {"bucket": settings().raw_bucket, "name": name, "generation": "3"}
    give_up(operations, "storage-events", "storage-events", **stored)


def film(operations: FlaskClient) -> None:
    give_up(operations, "cf-make-timelapse", settings().film_topic, sequence_id=SEQUENCE_ID)


def is_open(operations: FlaskClient, db: Engine, happening: Happening | None = None) -> bool:
    """Return whether the letter is open after a sweep; with a `happening`, it was before that."""
    if happening:
        assert is_open(operations, db)
        happening(db)
    closed = ask(operations, "/sweep", dry_run=True)["letters_closed"]
    assert ask(operations, "/sweep")["letters_closed"] == closed
    listed = ask(operations, "/list", dead_letters=True)["count"]
    assert (listed, closed) in ((1, 0), (0, 1))
    assert (letters(db)[0]["closed_at"] is None) == (listed == 1)
    return bool(listed)


def image_is(**columns: Any) -> Happening:
    values = ", ".join(f"{name} = :{name}" for name in columns)
    return lambda db: change(db, f"UPDATE images SET {values}", **columns)  # noqa: S608


def files_come(*kinds: str, generation: int = 3) -> Happening:
    def add(db: Engine) -> None:
        for kind in kinds:
            add_file(db, kind, generation)

    return add


def refused_for(reason: str, path: str = CR2) -> Happening:
    return lambda db: change(
        db,
        "INSERT INTO image_events (bucket_path, service, message_id, state, reason_code)"
        " VALUES (:path, 'cf-make-fits', 'generation 3', 'error', :reason)",
        path=path,
        reason=reason,
    )


@pytest.mark.parametrize(
    ("happening", "is_left_open"),
    [
        (image_is(state="sources_extracted", reason_code=None), False),
        (image_is(state="unsolved", reason_code="not_solved"), False),
        (image_is(generation=4), False),
        (image_is(state="solving", reason_code=None), True),
    ],
)
def test_a_solvers(
    operations: FlaskClient, db: Engine, happening: Happening, is_left_open: bool
) -> None:
    add_image(db, state="solving", generation=3)
    pipeline(operations, settings().solver_subscription)
    assert is_open(operations, db, happening) is is_left_open


@pytest.mark.parametrize("odd", [{}, {"generation": 10**20}])
def test_one_that_cannot_be_read_stays_open_alone(
    operations: FlaskClient, db: Engine, odd: dict[str, Any]
) -> None:
    add_image(db, state="sources_extracted", generation=4)
    topic, solver = settings().pipeline_topic, settings().solver_subscription
    give_up(operations, solver, topic, bucket_path=PATH, **odd)
    pipeline(operations, "cf-make-jpg-fits")
    assert ask(operations, "/sweep")["letters_closed"] == 1
    assert [letter["closed_at"] is None for letter in letters(db)] == [True, False]


def test_an_image_that_is_known_by_its_header(operations: FlaskClient, db: Engine) -> None:
    """Its path has no ids; the message has."""
    add_image(db, state="sources_extracted", generation=3)
    topic, subscription = settings().pipeline_topic, settings().solver_subscription
    named = {"image_id": IMAGE_ID, "bucket_path": "somewhere/night.fits", "generation": 3}
    give_up(operations, subscription, topic, bucket=settings().raw_bucket, **named)
    assert not is_open(operations, db)


def test_an_image_that_was_wanted_again(operations: FlaskClient, db: Engine) -> None:
    """That it had ended before says nothing."""
    add_image(db, state="sources_extracted", generation=3)
    pipeline(operations, settings().solver_subscription, reprocess=True)
    end = (
        "INSERT INTO image_events (image_id, service, state)"
        " VALUES (:id, 'gce-plate-solver', 'sources_extracted')"
    )
    assert not is_open(operations, db, lambda db: change(db, end, id=IMAGE_ID))


@pytest.mark.parametrize(
    ("happening", "is_left_open"),
    [
        (files_come("picture", "preview", "thumbnail"), False),
        (files_come("picture"), True),
        (image_is(generation=4), False),
        (image_is(state="error", reason_code="truncated"), False),
    ],
)
def test_a_picture(
    operations: FlaskClient, db: Engine, happening: Happening, is_left_open: bool
) -> None:
    add_image(db, state="sources_extracted", generation=3)
    pipeline(operations, "cf-make-jpg-fits")
    assert is_open(operations, db, happening) is is_left_open


@pytest.mark.parametrize(
    ("happening", "is_left_open"),
    [
        (files_come(*PRODUCTS), False),
        (files_come(*PRODUCTS, generation=2), True),
        (files_come("picture", "preview", "thumbnail"), True),
        (refused_for("damaged_file"), False),
        (refused_for("tries_exhausted"), True),
    ],
)
def test_a_cr2(
    operations: FlaskClient, db: Engine, happening: Happening, is_left_open: bool
) -> None:
    add_image(db, state="sources_extracted", generation=5, from_cr2=True)
    raw(operations)
    assert is_open(operations, db, happening) is is_left_open


@pytest.mark.parametrize(
    ("path", "happening", "is_left_open"),
    [
        (PATH, image_is(generation=3), False),
        (PATH, image_is(generation=2), True),
        (PATH, refused_for("no_identity", PATH), False),
        (CR2, files_come("cr2"), False),
        (CR2, files_come("cr2", generation=2), True),
    ],
)
def test_an_upload(
    operations: FlaskClient, db: Engine, path: str, happening: Happening, is_left_open: bool
) -> None:
    add_image(db, state="sources_extracted", generation=1)
    upload(operations, path)
    assert is_open(operations, db, happening) is is_left_open


def test_an_upload_that_is_no_image_waits_for_nothing(operations: FlaskClient, db: Engine) -> None:
    upload(operations, "PAN001/notes.txt")
    assert not is_open(operations, db)


def test_a_film(operations: FlaskClient, db: Engine) -> None:
    for number in range(3):
        image_id = f"PAN001_14d3bd_20181011T13454{number}"
        add_image(db, image_id, state="sources_extracted", generation=number + 1)
    film(operations)
    of_two = "UPDATE sequences SET film_images = 2, film_generation = 2"
    change(db, of_two)
    of_all = "UPDATE sequences SET film_images = 3, film_generation = 3, film_path = 'p'"
    assert not is_open(operations, db, lambda db: change(db, of_all))


def test_light_curves(operations: FlaskClient, db: Engine) -> None:
    add_solved(db, 0, 1, 2, age_s=0)
    subscription = settings().light_curve_subscription
    give_up(operations, subscription, settings().film_topic, sequence_id=SEQUENCE_ID)
    film_of_all = "UPDATE sequences SET film_images = 3, film_generation = 3"
    change(db, film_of_all)
    of_two = "INSERT INTO light_curve_sets (sequence_id, images, generation) VALUES (:id, 2, 2)"
    change(db, of_two, id=SEQUENCE_ID)
    of_all = "UPDATE light_curve_sets SET images = 3, generation = 3, made_at = now()"
    assert not is_open(operations, db, lambda db: change(db, of_all))


@pytest.mark.parametrize("data", [{}, {"sequence_id": "PAN009_14d3bd_20181011T134202"}])
def test_what_says_nothing_stays_open(
    operations: FlaskClient, db: Engine, data: dict[str, str]
) -> None:
    give_up(operations, "cf-make-timelapse", settings().film_topic, **data)
    assert is_open(operations, db)
