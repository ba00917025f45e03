"""Servers, clients and push endpoints for the tests of Pub/Sub's behaviour."""

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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import pubsub_v1
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
    with listening(state):
        yield state


@contextlib.contextmanager
def listening(state: Endpoint, port: int = 0) -> Iterator[None]:
    """Answer at a push endpoint while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = state.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/push?from=test"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
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
