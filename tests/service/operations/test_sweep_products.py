"""A sweep sends files whose products are missing to the converters."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from tests.service.operations.sweeps import LEASE_S, swept
from tests.service.support.functions import (
    IDS,
    IMAGE_ID,
    PATH,
    Network,
    frame,
)
from tests.service.support.operations import (
    CR2,
    PRODUCTS,
    add_file,
    add_image,
    change,
    history,
    image,
    let_time_pass,
    queued,
)


def test_a_lost_cr2_goes_to_the_converters(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    assert swept(sweeper) == (1, 0, 0)
    raw, pipeline = queued(chain)
    bucket = settings().raw_bucket
    assert raw == [{"bucket_path": CR2, "bucket": bucket, "generation": generation}]
    assert pipeline == []
    assert swept(sweeper) == (0, 0, 0)  # not before the lease
    let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (1, 0, 0)


def test_a_cr2_that_could_not_be_converted_is_not_sent_again(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    change(
        db,
        "INSERT INTO image_events (bucket_path, service, message_id, state, reason_code, reason)"
        " VALUES (:path, 'cf-make-fits', :generation, 'error', 'not_cr2', 'no CR2')",
        path=CR2,
        generation=f"generation {generation}",
    )
    assert swept(sweeper) == (0, 0, 0)
    chain.upload(CR2, b"CR2, a better one")
    assert swept(sweeper) == (1, 0, 0)


@pytest.mark.parametrize("missing", PRODUCTS)
def test_a_cr2_whose_products_are_not_all_there_goes_to_the_converters(
    chain: Network, sweeper: FlaskClient, db: Engine, missing: str
) -> None:
    generation = chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    for kind in ("cr2", *PRODUCTS):
        if kind != missing:
            add_file(db, kind, generation)
    assert swept(sweeper) == (1, 0, 0)
    [message] = chain.queued(settings().raw_topic)
    assert (message["bucket_path"], message["generation"]) == (CR2, generation)
    assert history(db) == [
        ("sources_extracted", "sent again: the file had only some of its results")
    ]
    add_file(db, missing, generation)
    let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (0, 0, 0)


def test_a_fits_file_without_pictures_is_queued_for_them(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, state="sources_extracted", generation=generation)
    add_file(db, "picture", generation)
    assert swept(sweeper) == (1, 0, 0)
    [message] = chain.queued(settings().pipeline_topic)
    assert (message["image_id"], message["generation"]) == (IMAGE_ID, generation)
    assert message.get("reprocess", False) is False  # plate solvers have nothing to do
    assert image(db)["state"] == "sources_extracted"
    for kind in ("preview", "thumbnail"):
        add_file(db, kind, generation)
    let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (0, 0, 0)


def test_a_refused_fits_file_is_not_queued_for_pictures(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, state="error", generation=generation, reason_code="truncated")
    assert swept(sweeper) == (0, 0, 0)


def test_products_of_an_older_cr2_do_not_count(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    for kind in ("cr2", *PRODUCTS):
        add_file(db, kind, 1)
    assert swept(sweeper) == (1, 0, 0)


def test_a_cr2_without_a_fits_file_goes_to_the_converters(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    for kind in ("cr2", *PRODUCTS):
        add_file(db, kind, generation)
    assert swept(sweeper) == (1, 0, 0)


@pytest.mark.parametrize(("from_cr2", "sent"), [(False, 0), (True, 1)])
def test_a_fits_file_that_the_network_made_counts_less_than_a_units_own(
    chain: Network, sweeper: FlaskClient, db: Engine, from_cr2: bool, sent: int
) -> None:
    made = chain.bucket.blob(PATH)
    made.metadata = {"image-id": IMAGE_ID, "raw-path": CR2, "raw-generation": "5"}
    made.upload_from_string(frame(**IDS))
    add_image(db, state="sources_extracted", generation=7, from_cr2=from_cr2)
    assert swept(sweeper) == (sent, 0, 0)


def test_a_units_own_file_is_taken_in_though_a_made_one_is_newer(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, state="sources_extracted", generation=generation + 5, from_cr2=True)
    assert swept(sweeper) == (1, 0, 0)
    assert (image(db)["generation"], image(db)["from_cr2"]) == (generation, False)
