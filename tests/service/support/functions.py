"""The cloud functions as the tests start them, and what stands around them."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import functions_framework
import numpy as np
import pytest
from astropy.io import fits
from flask import Flask
from flask.testing import FlaskClient
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.storage import Bucket
from sqlalchemy import Engine, text
from werkzeug.datastructures import Headers
from werkzeug.serving import make_server
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request, Response

from panoptes_network import pubsub
from panoptes_network.config import settings

ROOT = Path(__file__).parents[3]
FOLDER = "PAN001/M42/14d3bd/20181011T134202"
PATH = f"{FOLDER}/20181011T134333.fits"
IMAGE_ID, SEQUENCE_ID = "PAN001_14d3bd_20181011T134333", "PAN001_14d3bd_20181011T134202"
TABLES = ("units", "cameras", "sequences", "images", "image_events", "image_files")
IDS = {"IMAGEID": IMAGE_ID, "SEQID": SEQUENCE_ID}


def create_function(service: str) -> Flask:
    """Return the application that functions-framework makes of a service folder."""
    target = service.removeprefix("cf-").replace("-", "_")
    make: Callable[[str, str], Flask] = functions_framework.create_app
    return make(target, str(ROOT / service / "main.py"))


@contextmanager
def served(app: WSGIApplication) -> Iterator[str]:
    """Serve an application on a free loopback port and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class FaultyService:
    """Stands where the next service does: keeps what it gets, answers as it is told."""

    status: int = 200
    body: bytes = b"{}"
    silent: bool = False
    on_request: Callable[[], object] = lambda: None
    received: list[Any] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        request = Request(environ)
        self.headers.append(Headers(request.headers))
        self.received.append(request.get_json(silent=True))
        self.on_request()
        if self.silent:
            self.over.wait()
        answer = Response(self.body, self.status, content_type="application/json")
        return answer(environ, start_response)


@dataclass(frozen=True)
class Network:
    """The buckets and the topics that the functions use; `bucket` is the raw one."""

    bucket: Bucket
    processed: Bucket
    subscriber: SubscriberClient

    def upload(self, path: str, data: bytes) -> int:
        """Upload as a unit does and return the object's generation."""
        blob = self.bucket.blob(path)
        blob.upload_from_string(data)
        return int(blob.generation)

    def create_topic(self, topic: str) -> None:
        """Make a topic with a subscription of the same name."""
        project = f"projects/{settings().google_cloud_project}"
        pubsub.publisher().create_topic(name=f"{project}/topics/{topic}")
        self.subscriber.create_subscription(
            name=f"{project}/subscriptions/{topic}", topic=f"{project}/topics/{topic}"
        )

    def queued(self, topic: str) -> list[Any]:
        """Take what waits on a topic, decoded."""
        path = f"projects/{settings().google_cloud_project}/subscriptions/{topic}"
        with pytest.warns(DeprecationWarning, match="return_immediately"):
            answer = self.subscriber.pull(
                subscription=path, max_messages=100, return_immediately=True
            )
        ids = [received.ack_id for received in answer.received_messages]
        if ids:
            self.subscriber.acknowledge(subscription=path, ack_ids=ids)
        return [json.loads(received.message.data) for received in answer.received_messages]


def frame(**cards: Any) -> bytes:
    """Return a small FITS file with these header cards."""
    hdu = fits.PrimaryHDU(np.zeros((20, 30), dtype=np.uint16))
    for keyword, value in cards.items():
        hdu.header[keyword.replace("_", "-")] = value
    return fits_file(hdu)


def fits_file(*hdus: Any) -> bytes:
    """Return the bytes of a FITS file."""
    buffer = BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def run_readme(service: str, **variables: str) -> str:
    """Run the commands of a service's README, given what `.local/env` would, and return stdout."""
    readme = (ROOT / service / "README.md").read_text()
    first, *commands = readme.split("```sh\n")[1].split("```")[0].splitlines()
    assert first == "set -a; . .local/env; set +a"
    done = subprocess.run(
        ["sh", "-euc", "\n".join(commands)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout


def push(message: object) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(message).encode()).decode()
    return {"message": {"data": data, "messageId": "7"}, "subscription": "projects/p/s"}


def post(client: FlaskClient, path: str | None = None, **headers: Any) -> Any:
    """Send cf-header-to-db a path, headers, or both, and return what it answers."""
    body = {"bucket_path": path, "headers": headers}
    answer = client.post("/", json={key: value for key, value in body.items() if value})
    assert answer.status_code == 200, answer.text
    return answer.json


def only(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """Return the one row there is, of the columns of `wanted`, which it must equal."""
    [row] = rows
    assert {column: row[column] for column in wanted} == wanted
    return row


def refused(answer: TestResponse, status: int) -> tuple[str, str]:
    """Return reason and words of a refusal that came with `status`."""
    assert answer.status_code == status, answer.text
    assert answer.json is not None
    return answer.json["error"]["reason"], answer.json["error"]["message"]


def asks_to_come_again(answer: TestResponse) -> bool:
    """Return whether an answer says that the same request may succeed later."""
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0


def tables(db: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that the functions write; without the times at which they did."""
    clocks = {"created_at", "received_at", "updated_at", "at"}
    rows: dict[str, list[dict[str, Any]]] = {}
    with db.connect() as connection:
        for table in TABLES:
            found = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).mappings()  # noqa: S608
            rows[table] = [{k: v for k, v in row.items() if k not in clocks} for row in found]
    return rows
