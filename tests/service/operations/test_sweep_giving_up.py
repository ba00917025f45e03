"""A sweep gives up files that nothing comes of, and no others."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.refusals import standing
from tests.service.operations.sweeps import LEASE_S, swept
from tests.service.support.functions import (
    FOLDER,
    IDS,
    IMAGE_ID,
    PATH,
    FaultyService,
    Network,
    frame,
    tables,
)
from tests.service.support.operations import (
    CR2,
    add_file,
    add_image,
    change,
    image,
    let_time_pass,
    rows,
)


def test_a_poison_file_is_given_up_after_five_times(
    chain: Network, sweeper: FlaskClient, db: Engine, faulty: FaultyService
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, IMAGE_ID.replace("134333", "140000"), state="sources_extracted")  # they come in
    faulty.status = 503
    for _ in range(5):
        assert swept(sweeper) == (0, 0, 1)
        assert swept(sweeper) == (0, 0, 0)  # not before the lease
        let_time_pass(db, LEASE_S + 1)
        change(db, "UPDATE images SET updated_at = now()")
    assert swept(sweeper) == (0, 1, 0)
    row = image(db)
    assert (row["state"], row["reason_code"]) == ("error", "tries_exhausted")
    assert row["reason"] == ("sent again 5 times without result; no error was recorded")
    let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (0, 0, 0)
    assert len(faulty.received) == 5
    assert faulty.received[0] == {
        "bucket_path": PATH,
        "bucket": settings().raw_bucket,
        "generation": generation,
    }


@pytest.mark.parametrize("status", [403, 503])
def test_no_file_is_given_up_while_none_is_taken(
    chain: Network, sweeper: FlaskClient, db: Engine, faulty: FaultyService, status: int
) -> None:
    chain.upload(PATH, frame(**IDS))
    # Nor is that taken in which only its dead letter is known of.
    add_image(db, IMAGE_ID.replace("134333", "140000"), state="error", generation=-1)
    faulty.status = status
    for _ in range(7):
        assert swept(sweeper) == (0, 0, 1)
        let_time_pass(db, LEASE_S + 1)
    assert tables(db)["image_events"] == []


def test_a_poison_file_does_not_keep_the_others(
    chain: Network, sweeper: FlaskClient, db: Engine, faulty: FaultyService
) -> None:
    for second in range(3):
        chain.upload(f"{FOLDER}/20181011T13433{second}.fits", frame())
    faulty.status = 503
    assert swept(sweeper) == (0, 0, 3)


def test_a_cr2_is_given_up_only_when_later_ones_have_come_through(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    for _ in range(5):
        assert swept(sweeper) == (1, 0, 0)
        let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (0, 0, 0)  # all may wait behind a long queue
    add_file(db, "cr2", generation + 1, image_id=IMAGE_ID.replace("134333", "140000"))
    assert swept(sweeper) == (0, 1, 0)
    assert image(db)["reason_code"] == "tries_exhausted"
    let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (0, 0, 0)


def test_missing_products_do_not_end_an_image_that_has_its_sources(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    add_file(db, "cr2", generation)
    for _ in range(5):
        assert swept(sweeper) == (1, 0, 0)
        let_time_pass(db, LEASE_S + 1)
    add_file(db, "cr2", generation + 1, image_id=IMAGE_ID.replace("134333", "140000"))
    assert swept(sweeper) == (0, 1, 0)
    assert image(db)["state"] == "sources_extracted"
    assert swept(sweeper) == (0, 0, 0)


def test_missing_pictures_of_an_image_that_its_header_names_are_no_refusal(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    chain.upload("inbox/a.fits", frame(**IDS))
    assert swept(sweeper) == (1, 0, 0)
    change(db, "UPDATE images SET state = 'sources_extracted'")
    for _ in range(4):
        let_time_pass(db, LEASE_S + 1)
        assert swept(sweeper) == (1, 0, 0)
    let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (0, 1, 0)
    given_up = "SELECT image_id FROM image_events WHERE reason_code = 'tries_exhausted'"
    assert rows(db, given_up) == [{"image_id": IMAGE_ID}]
    assert run_transaction(lambda session: session.scalars(standing()).all()) == []
    assert image(db)["state"] == "sources_extracted"
    assert swept(sweeper) == (0, 0, 0)
