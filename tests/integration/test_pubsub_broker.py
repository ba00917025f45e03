"""What the embedded broker does and Google's emulator does not, or not in the same way."""

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import PublisherClient, types

from tests.conftest import free_port
from tests.integration.pubsub import (
    CALL,
    REPOSITORY,
    Broker,
    Endpoint,
    PubSub,
    connected,
    listening,
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "pubsub.sqlite")
    broker.start()
    yield broker
    if broker.process.poll() is None:
        broker.end(signal.SIGTERM)


@pytest.fixture
def restartable(broker: Broker) -> Iterator[PubSub]:
    with connected(broker.host) as clients:
        yield clients


def pull_all(pubsub: PubSub, subscription: str) -> list[types.ReceivedMessage]:
    received: list[types.ReceivedMessage] = []
    while batch := pubsub.pull_now(subscription):
        received += batch
    return received


def test_nothing_published_is_lost_by_kill_9(broker: Broker, restartable: PubSub) -> None:
    topic = restartable.topic()
    subscription = restartable.subscription(topic)
    answered: list[str] = []
    enough = threading.Event()

    def publish() -> None:
        while not enough.is_set():
            answered.extend(restartable.publish(topic, b"x" * 200))

    publishing = threading.Thread(target=publish)
    publishing.start()
    for _ in range(2):
        time.sleep(0.3)
        broker.end(signal.SIGKILL)
        broker.start()
    enough.set()
    publishing.join(timeout=20)
    delivered = [received.message.message_id for received in pull_all(restartable, subscription)]
    assert len(set(answered)) == len(answered) > 0
    assert set(answered) <= set(delivered)


def test_a_restart_ends_leases_and_keeps_the_count_of_attempts(
    broker: Broker, restartable: PubSub
) -> None:
    topic, dead_topic = restartable.topic(), restartable.topic()
    policy = types.DeadLetterPolicy(dead_letter_topic=dead_topic, max_delivery_attempts=5)
    subscription = restartable.subscription(
        topic, dead_letter_policy=policy, ack_deadline_seconds=600
    )
    restartable.publish(topic, b"acked", b"leased")
    for received in restartable.pull(subscription, 2):
        restartable.nack(subscription, received)
    for received in restartable.pull(subscription, 2):
        if received.message.data == b"acked":
            restartable.ack(subscription, received)
    broker.end(signal.SIGTERM)
    broker.start()
    again = restartable.pull_now(subscription)
    assert [(r.message.data, r.delivery_attempt) for r in again] == [(b"leased", 2)]


def test_a_stream_goes_on_after_a_restart(broker: Broker, restartable: PubSub) -> None:
    topic = restartable.topic()
    arrived: queue.Queue[bytes] = queue.Queue()

    def work(message: Any) -> None:
        message.ack()
        arrived.put(message.data)

    future = restartable.subscriber.subscribe(restartable.subscription(topic), callback=work)
    restartable.publish(topic, b"before")
    assert arrived.get(timeout=10) == b"before"
    broker.end(signal.SIGTERM)
    broker.start()
    restartable.publish(topic, b"after")
    while arrived.get(timeout=20) != b"after":
        pass  # the ack of the first one may not have reached the broker
    future.cancel()
    future.result(timeout=10)


def test_a_taken_port_or_store_is_a_clear_failure(broker: Broker, tmp_path: Path) -> None:
    rivals = {
        "address": Broker(tmp_path / "another.sqlite", broker.port),
        "database is locked": Broker(broker.store),
    }
    for reason, rival in rivals.items():
        ended = subprocess.run(
            rival.command(), cwd=REPOSITORY, capture_output=True, text=True, timeout=20, check=False
        )
        assert ended.returncode == 1
        assert reason in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "options",
    [
        {"enable_message_ordering": True},
        {"enable_exactly_once_delivery": True},
        {"filter": 'attributes.unit = "PAN001"'},
        {"retain_acked_messages": True},
        {
            "push_config": types.PushConfig(
                push_endpoint="http://127.0.0.1/",
                oidc_token=types.PushConfig.OidcToken(audience="a"),
            )
        },
    ],
)
def test_a_feature_that_is_not_here_is_refused(ours: PubSub, options: dict[str, Any]) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        ours.subscription(ours.topic(), **options)


def test_an_ordering_key_and_a_seek_are_refused(ours: PubSub) -> None:
    topic = ours.topic()
    subscription = ours.subscription(topic)
    message = types.PubsubMessage(data=b"first", ordering_key="unit")
    request = types.PublishRequest(topic=topic, messages=[message])
    with pytest.raises(exceptions.MethodNotImplemented):
        PublisherClient.publish(ours.publisher, request=request, **CALL)
    with pytest.raises(exceptions.MethodNotImplemented):
        ours.subscriber.seek(request=types.SeekRequest(subscription=subscription), **CALL)


def test_more_than_a_client_can_receive_comes_in_parts(ours: PubSub) -> None:
    topic = ours.topic()
    subscription = ours.subscription(topic)
    for _ in range(2):
        ours.publish(topic, *[bytes(1_000_000)] * 4)
    assert len(ours.pull(subscription, 8)) == 8


def open_stream(pubsub: PubSub, subscription: str, **options: Any) -> Any:
    first = types.StreamingPullRequest(
        subscription=subscription, stream_ack_deadline_seconds=60, **options
    )
    requests: queue.Queue[Any] = queue.Queue()
    requests.put(first)
    return pubsub.subscriber.streaming_pull(requests=iter(requests.get, None), timeout=10)


def test_a_new_stream_of_a_client_takes_over_the_leases_of_its_older_one(ours: PubSub) -> None:
    topic = ours.topic()
    subscription = ours.subscription(topic)
    older = open_stream(ours, subscription, client_id="worker")
    ours.publish(topic, b"unread")
    assert next(older).received_messages[0].message.data == b"unread"
    newer = open_stream(ours, subscription, client_id="worker")
    assert next(newer).received_messages[0].message.data == b"unread"
    with pytest.raises(exceptions.Aborted):
        next(older)
    newer.cancel()


def test_a_stream_gets_no_more_than_its_client_wants_outstanding(ours: PubSub) -> None:
    topic = ours.topic()
    subscription = ours.subscription(topic)
    ours.publish(topic, b"1", b"2")
    one_at_a_time = open_stream(ours, subscription, max_outstanding_messages=1)
    (first,) = next(one_at_a_time).received_messages
    (other,) = ours.pull(subscription)  # left for another worker
    assert {first.message.data, other.message.data} == {b"1", b"2"}
    one_at_a_time.cancel()


def test_a_retry_policy_delays_the_next_delivery(ours: PubSub) -> None:
    topic = ours.topic()
    backoff = types.RetryPolicy(
        minimum_backoff=Duration(seconds=2), maximum_backoff=Duration(seconds=4)
    )
    subscription = ours.subscription(topic, retry_policy=backoff)
    ours.publish(topic, b"patience")
    ours.nack(subscription, ours.pull(subscription)[0])
    assert ours.pull_now(subscription) == []
    assert ours.pull(subscription)[0].message.data == b"patience"


def test_an_acknowledgement_outlives_kill_9(broker: Broker, restartable: PubSub) -> None:
    topic = restartable.topic()
    subscription = restartable.subscription(topic)
    restartable.publish(topic, b"acked", b"left")
    acked, left = restartable.pull(subscription, 2)
    restartable.ack(subscription, acked)
    time.sleep(1)  # acks are not synced one by one, but soon
    broker.end(signal.SIGKILL)
    broker.start()
    assert [r.message for r in restartable.pull_now(subscription)] == [left.message]


def test_a_deleted_subscription_ends_its_streams(ours: PubSub) -> None:
    subscription = ours.subscription(ours.topic())
    future = ours.subscriber.subscribe(subscription, callback=print)
    time.sleep(0.5)
    ours.subscriber.delete_subscription(subscription=subscription, **CALL)
    with pytest.raises(exceptions.NotFound):
        future.result(timeout=10)


def test_push_counts_attempts_and_gives_up_at_the_dead_letter_topic(
    ours: PubSub, endpoint: Endpoint
) -> None:
    endpoint.statuses = [500] * 5
    topic, dead_topic = ours.topic(), ours.topic()
    dead = ours.subscription(dead_topic)
    ours.subscription(
        topic,
        push_config=types.PushConfig(push_endpoint=endpoint.url),
        dead_letter_policy=types.DeadLetterPolicy(
            dead_letter_topic=dead_topic, max_delivery_attempts=5
        ),
    )
    ours.publish(topic, b"poison")
    assert ours.pull(dead)[0].message.data == b"poison"
    attempts = [endpoint.bodies.get(timeout=10)["deliveryAttempt"] for _ in range(5)]
    assert attempts == [1, 2, 3, 4, 5]
    assert endpoint.bodies.empty()


def test_a_push_waits_for_its_receiver_without_an_attempt(ours: PubSub) -> None:
    """Nobody listens at first: that says nothing about the message."""
    topic, dead_topic, port = ours.topic(), ours.topic(), free_port()
    dead = ours.subscription(dead_topic)
    ours.subscription(
        topic,
        push_config=types.PushConfig(push_endpoint=f"http://127.0.0.1:{port}/"),
        dead_letter_policy=types.DeadLetterPolicy(
            dead_letter_topic=dead_topic, max_delivery_attempts=5
        ),
    )
    ours.publish(topic, b"early")
    time.sleep(1.5)  # five attempts without a retry policy
    endpoint = Endpoint()
    with listening(endpoint, port):
        assert endpoint.bodies.get(timeout=20)["deliveryAttempt"] == 1
    assert ours.pull_now(dead) == []


def test_what_failed_waits_behind_what_is_fresh(ours: PubSub) -> None:
    topic = ours.topic()
    subscription = ours.subscription(topic)
    ours.publish(topic, b"hard")
    ours.publish(topic, b"fresh")
    (hard,) = ours.pull(subscription)
    ours.nack(subscription, hard)
    assert [one.message.data for one in ours.pull(subscription, 2)] == [b"fresh", b"hard"]
