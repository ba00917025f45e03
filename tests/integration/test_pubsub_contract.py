"""The Pub/Sub behaviours that the network relies on, through the official client alone.

The first part runs against the embedded broker and against Google's emulator, which is the judge:
the one named by ``PUBSUB_CONTRACT_EMULATOR_HOST`` or else the one that gcloud starts. The second
part, from ``Only the embedded broker`` on, holds what the emulator does not do.
"""

import base64
import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import PublisherClient, types

from tests.conftest import free_port

PROJECT = "projects/contract"
REPOSITORY = Path(__file__).parents[2]
# gRPC holds a connection back for a moment after a refused one; nothing else is tried again.
CALL: dict[str, Any] = {
    "timeout": 10,
    "retry": Retry(if_exception_type(exceptions.ServiceUnavailable), timeout=20),
}


@dataclass
class PubSub:
    """The official clients, connected to one server, with shorthands for the tests."""

    publisher: Any
    subscriber: Any

    def topic(self) -> str:
        name = f"{PROJECT}/topics/t-{uuid.uuid4()}"
        self.publisher.create_topic(name=name, **CALL)
        return name

    def subscription(self, topic: str, **options: Any) -> str:
        name = f"{PROJECT}/subscriptions/s-{uuid.uuid4()}"
        spec = types.Subscription(name=name, topic=topic, **options)
        self.subscriber.create_subscription(request=spec, **CALL)
        return name

    def publish(self, topic: str, *datas: bytes, **attributes: str) -> list[str]:
        messages = [types.PubsubMessage(data=data, attributes=attributes) for data in datas]
        request = types.PublishRequest(topic=topic, messages=messages)
        # The generated method: no batching, and an error is raised here.
        return list(PublisherClient.publish(self.publisher, request=request, **CALL).message_ids)

    def pull(self, subscription: str, count: int = 1) -> list[types.ReceivedMessage]:
        """Pull until ``count`` messages have come; fails if they do not."""
        received: list[types.ReceivedMessage] = []
        deadline = time.monotonic() + 10
        while len(received) < count and time.monotonic() < deadline:
            wanted = count - len(received)
            answer = self.subscriber.pull(subscription=subscription, max_messages=wanted, **CALL)
            received += answer.received_messages
        assert len(received) == count
        return received

    def pull_now(self, subscription: str) -> list[types.ReceivedMessage]:
        """What can be delivered at this moment."""
        request = types.PullRequest(
            subscription=subscription, max_messages=1000, return_immediately=True
        )
        with pytest.warns(DeprecationWarning, match="return_immediately"):
            return list(self.subscriber.pull(request=request, **CALL).received_messages)

    def ack(self, subscription: str, *received: types.ReceivedMessage) -> None:
        ack_ids = [one.ack_id for one in received]
        self.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids, **CALL)

    def lease(self, subscription: str, received: types.ReceivedMessage, seconds: int) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=subscription,
            ack_ids=[received.ack_id],
            ack_deadline_seconds=seconds,
            **CALL,
        )

    def nack(self, subscription: str, received: types.ReceivedMessage) -> None:
        self.lease(subscription, received, 0)


@dataclass
class Endpoint:
    """A push endpoint that answers with the given statuses, then with 204."""

    statuses: list[int] = field(default_factory=list)
    bodies: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)
    url: str = ""

    def answer(self, body: bytes) -> int:
        self.bodies.put(json.loads(body))
        return self.statuses.pop(0) if self.statuses else 204


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = state.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/push?from=test"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield state
        server.shutdown()


@contextlib.contextmanager
def connected(host: str) -> Iterator[PubSub]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", host)
        clients = PubSub(pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient())
    yield clients
    clients.publisher.stop()
    clients.publisher.transport.close()
    clients.subscriber.close()


def wait_until_serving(process: "subprocess.Popen[bytes]", host: str) -> None:
    address, _, port = host.rpartition(":")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((address, int(port))) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"no server on {host}, exit status {process.poll()}")


@dataclass
class Broker:
    """The embedded broker as a process of its own, on one port and one store."""

    store: Path
    port: int = field(default_factory=free_port)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(self.command(), cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        wait_until_serving(self.process, self.host)

    def command(self) -> list[str]:
        options = ["--port", str(self.port), "--store", str(self.store)]
        return [sys.executable, "-m", "local.broker", *options]

    def end(self, signal_number: int) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def google() -> Iterator[Callable[[], str]]:
    """Google's emulator, started early: it takes 10 s. The function waits for its address."""
    host = os.environ.get("PUBSUB_CONTRACT_EMULATOR_HOST", "")
    if host or shutil.which("gcloud") is None:
        yield lambda: host or pytest.skip("no gcloud, no PUBSUB_CONTRACT_EMULATOR_HOST")
        return
    host = f"127.0.0.1:{free_port()}"
    command = ["gcloud", "beta", "emulators", "pubsub", "start", f"--host-port={host}", "--quiet"]
    process = subprocess.Popen(  # gcloud does not stop its Java: both in one group of their own
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )

    def address() -> str:
        wait_until_serving(process, host)
        return host

    yield address
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubSub]:
    broker = Broker(tmp_path_factory.mktemp("broker") / "pubsub.sqlite")
    broker.start()
    with connected(broker.host) as clients:
        yield clients
    broker.end(signal.SIGTERM)


@pytest.fixture(scope="module", params=["embedded", "google"])
def pubsub(
    request: pytest.FixtureRequest, google: Callable[[], str], ours: PubSub
) -> Iterator[PubSub]:
    if request.param == "embedded":
        yield ours
    else:
        with connected(google()) as clients:
            yield clients


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


# --------------------------------------------------------------------------------------
# Only the embedded broker: what Google's emulator does not do, or not in the same way.
# --------------------------------------------------------------------------------------


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
