"""Dead letters go the whole way: the network's own topics, a real broker, the service, the row."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import RetryPolicy
from sqlalchemy import Engine

from deployment.service import address_variable, functions
from local import scheduler
from local.steps import topics
from panoptes_network import pubsub
from panoptes_network.config import settings
from panoptes_network.events import ImageObject, PipelineImage
from tests.conftest import free_port, serving
from tests.service.support.functions import (
    IMAGE_ID,
    PATH,
    FaultyService,
    Network,
    create_function,
    run_readme,
    served,
)
from tests.service.support.operations import CR2, add_image, image, letters, rows

QUICKLY = RetryPolicy(
    minimum_backoff=Duration(nanos=10_000_000), maximum_backoff=Duration(nanos=20_000_000)
)


def is_listening(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=1)
        except grpc.FutureTimeoutError:
            return False
    return True


@pytest.fixture
def broker_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A broker in the place of the tests' common one: subscriptions have names of their own."""
    port = free_port()
    store = tmp_path_factory.mktemp("broker") / "pubsub.sqlite"
    command = [sys.executable, "-m", "local.broker", "--port", str(port), "--store", str(store)]
    with serving(command, lambda: is_listening(f"127.0.0.1:{port}")):
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{port}")
        yield


@pytest.fixture
def failing(
    network: Network,
    broker_of_its_own: None,
    function: Callable[[str], object],
    db: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FaultyService]:
    """All topics of the network, with a service that always fails behind every function."""
    function("cf-operations")  # which ends its log with the test
    pubsub.publisher.cache_clear()
    monkeypatch.setattr(topics, "RETRY", QUICKLY)
    monkeypatch.setattr(topics, "MAX_DELIVERY_ATTEMPTS", 5)
    monkeypatch.setenv("STORAGE_EVENTS_TOPIC", "storage-events")
    failing = FaultyService(status=503)
    with ExitStack() as stack:
        url = stack.enter_context(served(failing))
        for name in ("EVENTARC_URL", *map(address_variable, functions())):
            monkeypatch.setenv(name, url)
        operations = stack.enter_context(served(create_function("cf-operations")))
        monkeypatch.setenv("OPERATIONS_URL", operations)
        topics.main()
        yield failing
        pubsub.publisher().stop()
        pubsub.publisher.cache_clear()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_cr2_that_no_converter_takes(failing: FaultyService, db: Engine) -> None:
    message = ImageObject(bucket_path=CR2, bucket=settings().raw_bucket, generation=3)
    pubsub.publish(settings().raw_topic, message)
    converters = {"cf-make-fits", "cf-make-jpg", "cf-make-rgb-fits"}
    wait_for(lambda: len(letters(db)) >= len(converters))
    assert {letter["subscription"] for letter in letters(db)} == converters
    for letter in letters(db):
        assert (letter["topic"], letter["tries"]) == (settings().raw_topic, 5)
        assert ImageObject.model_validate_json(letter["data"]) == message
        assert letter["image_id"] == IMAGE_ID
    row = image(db)
    assert (row["state"], row["reason_code"]) == ("error", "tries_exhausted")
    assert "failed 5 times" in row["reason"]
    assert len(failing.received) == 5 * len(converters)


def test_the_event_of_an_upload(failing: FaultyService, db: Engine) -> None:
    path = f"projects/{settings().google_cloud_project}/topics/storage-events"
    data = f'{{"bucket": "{settings().raw_bucket}", "name": "{PATH}", "generation": "3"}}'
    pubsub.publisher().publish(path, data.encode(), bucketId=settings().raw_bucket).result(20)
    wait_for(lambda: len(letters(db)) == 1)
    [letter] = letters(db)
    assert (letter["topic"], letter["tries"]) == ("storage-events", 5)
    assert letter["attributes"] == {"bucketId": settings().raw_bucket}
    assert "cf-bucket-upload failed 5 times" in image(db)["reason"]


def test_what_lies_in_a_dead_letter_topic_waits_for_the_database(
    failing: FaultyService, db: Engine
) -> None:
    add_image(db)
    message = PipelineImage(
        image_id=IMAGE_ID, bucket=settings().raw_bucket, bucket_path=PATH, generation=1
    )
    with db.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE dead_letters RENAME TO away")
    pubsub.publish(topics.dead_letter_name(settings().pipeline_topic), message)
    time.sleep(2)  # far more tries than any other subscription has
    with db.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO dead_letters")
    wait_for(lambda: len(letters(db)) == 1)
    [letter] = letters(db)
    assert (letter["topic"], letter["tries"]) == (settings().pipeline_topic, None)
    assert image(db)["state"] == "metadata_received"  # nobody says who gave it up


def test_the_scheduler_posts_to_the_path_of_a_schedule(
    network: Network, function: Callable[[str], object], db: Engine
) -> None:
    function("cf-operations")
    schedules = functions()["cf-operations"].schedules
    assert {schedule.path for schedule in schedules} == {"/sweep", "/notices"}
    with served(create_function("cf-operations")) as url:
        for schedule in schedules:
            assert scheduler.post("cf-operations", url, schedule) == 200


def test_the_commands_of_the_readme(
    network: Network, function: Callable[[str], object], db: Engine
) -> None:
    function("cf-operations")
    add_image(db, state="error", reason_code="tries_exhausted", reason="5 times")
    with served(create_function("cf-operations")) as url:
        said = run_readme("cf-operations", OPERATIONS_URL=url)
    assert IMAGE_ID in said
    assert '"dry_run":true' in said
    assert '"whole_bucket":true' in said
    assert rows(db, "SELECT * FROM image_events") == []
