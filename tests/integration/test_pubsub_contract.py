"""The Pub/Sub behaviours that the network relies on, through the official client alone.

They run against the embedded broker and against Google's emulator, which is the judge: the one
named by ``PUBSUB_CONTRACT_EMULATOR_HOST`` or else the one that gcloud starts.
"""

import base64
import queue
import threading
import time
from functools import partial
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from tests.integration.pubsub import CALL, PROJECT, Endpoint, PubSub


def test_a_topic_can_be_created_once_and_deleted(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    with pytest.raises(exceptions.AlreadyExists):
        pubsub.publisher.create_topic(name=topic, **CALL)
    assert pubsub.publisher.get_topic(topic=topic, **CALL).name == topic
    pubsub.publisher.delete_topic(topic=topic, **CALL)
    with pytest.raises(exceptions.NotFound):
        pubsub.publisher.get_topic(topic=topic, **CALL)


def test_a_subscription_can_be_created_once_and_deleted(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    name = pubsub.subscription(topic)
    spec = pubsub.subscriber.get_subscription(subscription=name, **CALL)
    assert (spec.name, spec.topic, spec.ack_deadline_seconds) == (name, topic, 10)
    with pytest.raises(exceptions.AlreadyExists):
        pubsub.subscriber.create_subscription(name=name, topic=topic, **CALL)
    pubsub.subscriber.delete_subscription(subscription=name, **CALL)
    with pytest.raises(exceptions.NotFound):
        pubsub.subscriber.get_subscription(subscription=name, **CALL)


def test_an_update_changes_the_named_fields_alone(pubsub: PubSub) -> None:
    name = pubsub.subscription(pubsub.topic(), ack_deadline_seconds=30)
    spec = types.Subscription(
        name=name,
        ack_deadline_seconds=77,
        push_config=types.PushConfig(push_endpoint="http://127.0.0.1:9/elsewhere"),
    )
    updated = pubsub.subscriber.update_subscription(
        subscription=spec, update_mask=FieldMask(paths=["push_config"]), **CALL
    )
    assert updated.push_config.push_endpoint == "http://127.0.0.1:9/elsewhere"
    assert pubsub.subscriber.get_subscription(subscription=name, **CALL) == updated
    assert updated.ack_deadline_seconds == 30


def test_what_does_not_exist_is_not_found(pubsub: PubSub) -> None:
    topic, subscription = f"{PROJECT}/topics/missing", f"{PROJECT}/subscriptions/missing"
    call = partial(partial, subscription=subscription, **CALL)
    subscriber = pubsub.subscriber
    for attempt in (
        partial(pubsub.publish, topic, b"lost"),
        partial(pubsub.publisher.delete_topic, topic=topic, **CALL),
        partial(pubsub.subscription, topic),
        partial(
            pubsub.subscription,
            pubsub.topic(),
            dead_letter_policy=types.DeadLetterPolicy(
                dead_letter_topic=topic, max_delivery_attempts=5
            ),
        ),
        call(subscriber.pull, max_messages=1),
        call(subscriber.acknowledge, ack_ids=["1"]),
        call(subscriber.delete_subscription),
    ):
        with pytest.raises(exceptions.NotFound):
            attempt()


@pytest.mark.parametrize(
    "name",
    ["nonsense", f"{PROJECT}/topics/ab", f"{PROJECT}/topics/goog-1", f"{PROJECT}/topics/a b"],
)
def test_a_bad_topic_name_is_invalid(pubsub: PubSub, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        pubsub.publisher.create_topic(name=name, **CALL)


@pytest.mark.parametrize(
    "options",
    [
        {"ack_deadline_seconds": 601},
    ],
)
def test_a_subscription_out_of_bounds_is_invalid(pubsub: PubSub, options: dict[str, Any]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        pubsub.subscription(pubsub.topic(), **options)


def test_fewer_than_five_delivery_attempts_are_refused(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    policy = types.DeadLetterPolicy(dead_letter_topic=topic, max_delivery_attempts=4)
    with pytest.raises(exceptions.BadRequest):
        pubsub.subscription(topic, dead_letter_policy=policy)


def test_an_empty_message_is_invalid(pubsub: PubSub) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        pubsub.publish(pubsub.topic(), b"")


def test_every_subscription_gets_each_message_unchanged(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscriptions = [pubsub.subscription(topic), pubsub.subscription(topic)]
    ids = pubsub.publish(topic, b"\x00\xff", b"two", path="PAN001/a b/ü.fits")
    assert len(set(ids)) == 2
    for subscription in subscriptions:
        messages = [received.message for received in pubsub.pull(subscription, 2)]
        assert {message.message_id: message.data for message in messages} == dict(
            zip(ids, (b"\x00\xff", b"two"), strict=True)
        )
        assert all(dict(m.attributes) == {"path": "PAN001/a b/ü.fits"} for m in messages)
        assert all(m.publish_time for m in messages)


def test_a_new_subscription_does_not_get_older_messages(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    pubsub.publish(topic, b"before")
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, b"after")
    assert [received.message.data for received in pubsub.pull(subscription)] == [b"after"]
    assert pubsub.pull_now(subscription) == []


def test_a_pull_waits_for_a_message(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    later = threading.Timer(0.5, pubsub.publish, (topic, b"late"))
    later.start()
    answer = pubsub.subscriber.pull(subscription=subscription, max_messages=1, **CALL)
    later.join()
    assert [received.message.data for received in answer.received_messages] == [b"late"]


def test_an_acknowledged_message_is_gone(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, b"once")
    (received,) = pubsub.pull(subscription)
    pubsub.lease(subscription, received, 1)
    pubsub.ack(subscription, received)
    time.sleep(1.5)  # past the end of the lease
    assert pubsub.pull_now(subscription) == []


def test_a_nacked_message_comes_again_and_its_old_ack_id_is_void(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, b"again")
    (first,) = pubsub.pull(subscription)
    pubsub.nack(subscription, first)
    (second,) = pubsub.pull(subscription)
    assert second.message == first.message
    assert (first.delivery_attempt, second.delivery_attempt) == (0, 0)  # no dead-letter policy
    pubsub.ack(subscription, first)
    pubsub.nack(subscription, second)
    assert pubsub.pull(subscription)[0].message == first.message


@pytest.mark.parametrize("before", [None, 10])
def test_a_nack_stands_whatever_is_said_of_the_lease_around_it(
    pubsub: PubSub, before: int | None
) -> None:
    """A client's extension of the lease may arrive just before its nack, or just behind it."""
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic, ack_deadline_seconds=600)
    pubsub.publish(topic, b"again")
    (received,) = pubsub.pull(subscription)
    if before:
        pubsub.lease(subscription, received, before)
    pubsub.nack(subscription, received)
    pubsub.lease(subscription, received, 600)
    assert pubsub.pull(subscription)[0].message == received.message


def test_a_lease_that_ends_gives_the_message_back_unless_it_is_extended(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, b"left", b"extended")
    left, extended = sorted(pubsub.pull(subscription, 2), key=lambda r: r.message.data)[::-1]
    pubsub.lease(subscription, extended, 1)
    pubsub.lease(subscription, left, 1)
    assert pubsub.pull_now(subscription) == []
    pubsub.lease(subscription, extended, 60)
    assert [received.message for received in pubsub.pull(subscription)] == [left.message]
    assert pubsub.pull_now(subscription) == []


def test_after_the_last_attempt_a_message_goes_to_the_dead_letter_topic(pubsub: PubSub) -> None:
    topic, dead_topic = pubsub.topic(), pubsub.topic()
    dead = pubsub.subscription(dead_topic)
    policy = types.DeadLetterPolicy(dead_letter_topic=dead_topic, max_delivery_attempts=5)
    subscription = pubsub.subscription(topic, dead_letter_policy=policy)
    (message_id,) = pubsub.publish(topic, b"poison", colour="green")
    attempts = []
    for _ in range(5):
        (received,) = pubsub.pull(subscription)
        attempts.append(received.delivery_attempt)
        pubsub.nack(subscription, received)
    assert attempts == [1, 2, 3, 4, 5]
    assert pubsub.pull_now(subscription) == []  # Google's emulator moves it when asked for more
    (letter,) = pubsub.pull(dead)
    published = letter.message.attributes.pop("CloudPubSubDeadLetterSourceTopicPublishTime")
    assert published.startswith(f"{received.message.publish_time:%Y-%m-%dT%H:%M:%S}")
    assert dict(letter.message.attributes) == {
        "colour": "green",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": subscription.rpartition("/")[2],
        "CloudPubSubDeadLetterSourceSubscriptionProject": "contract",
    }
    assert letter.message.data == b"poison"
    assert letter.message.message_id != message_id


def test_a_deleted_topic_leaves_its_subscriptions_their_messages(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, b"orphan")
    pubsub.publisher.delete_topic(topic=topic, **CALL)
    assert pubsub.pull(subscription)[0].message.data == b"orphan"


def test_push_posts_an_envelope_until_it_is_accepted(pubsub: PubSub, endpoint: Endpoint) -> None:
    endpoint.statuses = [500, 302, 429]
    topic = pubsub.topic()
    config = types.PushConfig(push_endpoint=endpoint.url)
    subscription = pubsub.subscription(topic, push_config=config)
    (message_id,) = pubsub.publish(topic, b"\x00\xff", path="PAN001")
    bodies = [endpoint.bodies.get(timeout=20) for _ in range(4)]
    assert all(body == bodies[0] for body in bodies)
    message = bodies[0]["message"]
    assert bodies[0]["subscription"] == subscription
    assert base64.b64decode(message["data"]) == b"\x00\xff"
    assert message["attributes"] == {"path": "PAN001"}
    assert message["messageId"] == message["message_id"] == message_id
    assert message["publishTime"] == message["publish_time"]
    pubsub.publish(topic, b"next")
    assert base64.b64decode(endpoint.bodies.get(timeout=20)["message"]["data"]) == b"next"
    assert endpoint.bodies.empty()  # the accepted message did not come again


def test_a_stream_delivers_each_message_once(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    arrived: queue.Queue[bytes] = queue.Queue()

    def work(message: Any) -> None:
        arrived.put(message.data)
        message.ack()

    future = pubsub.subscriber.subscribe(subscription, callback=work)
    expected = sorted(b"%d" % number for number in range(100))
    pubsub.publish(topic, *expected)
    assert sorted(arrived.get(timeout=10) for _ in expected) == expected
    future.cancel()
    future.result(timeout=10)
    assert arrived.empty()
    assert pubsub.pull_now(subscription) == []


def test_a_message_nacked_on_a_stream_comes_again(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    arrived: queue.Queue[str] = queue.Queue()

    def work(message: Any) -> None:
        arrived.put(message.message_id)
        if arrived.qsize() < 2:
            message.nack()
        else:
            message.ack()

    future = pubsub.subscriber.subscribe(subscription, callback=work)
    (message_id,) = pubsub.publish(topic, b"twice")
    while arrived.qsize() < 2:
        time.sleep(0.05)
    future.cancel()
    future.result(timeout=10)
    assert list(arrived.queue) == [message_id] * 2


def test_a_stream_keeps_its_lease_for_as_long_as_the_work_takes(pubsub: PubSub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    done = threading.Event()
    deliveries: list[str] = []

    def work(message: Any) -> None:
        deliveries.append(message.message_id)
        time.sleep(11)  # longer than the shortest lease, 10 s
        message.ack()
        done.set()

    flow = pubsub_v1.types.FlowControl(
        min_duration_per_lease_extension=10, max_duration_per_lease_extension=10
    )
    future = pubsub.subscriber.subscribe(subscription, callback=work, flow_control=flow)
    ids = pubsub.publish(topic, b"long")
    assert done.wait(timeout=30)
    future.cancel()
    future.result(timeout=10)
    assert deliveries == ids
    assert pubsub.pull_now(subscription) == []
