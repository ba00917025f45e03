"""What every service that answers HTTP does with requests that nobody means well.

They are refused where they come in, before they are read or reach the database, and the next good
request is answered as ever.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, RawIOBase
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from deployment.service import deployments
from local import eventarc
from panoptes_network.database import engine as database
from panoptes_network.web import admission, request_guard
from tests.conftest import free_port
from tests.service.functions.test_bucket_upload import HEADERS
from tests.service.support.functions import (
    ROOT,
    FaultyService,
    asks_to_come_again,
    create_function,
    push,
    served,
)
from tests.service.support.web_services import add_observation, create_app, get, problem, rows

FUNCTIONS = sorted(main.parent.name for main in ROOT.glob("cf-*/main.py"))
WEB = ("observations-data", "observations-explorer")
DEEP = "[" * 100_000 + "]" * 100_000
ENDLESS = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
"""A body in chunks, as gunicorn hands it on: it has no length."""
SOUND = {"bucket_path": "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits"}


class Endless(RawIOBase):
    """A body that never ends; it knows how much of it was read."""

    n_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self.n_read += len(buffer)
        buffer[:] = b" " * len(buffer)
        return len(buffer)


class Untouchable(BytesIO):
    """A body that nobody may read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body is read")

    readline = readlines = readinto = read  # type: ignore[assignment]


@pytest.fixture
def make(
    db: Engine, function: Callable[[str], FlaskClient], set_env: Callable[..., None]
) -> Callable[[str], Flask]:
    """Make the application of a service."""

    def of(service: str) -> Flask:
        if service == "eventarc":
            set_env(BUCKET_UPLOAD_URL="http://127.0.0.1:9")
            return eventarc.create_app()
        if service in WEB:
            return create_app(service)
        function(service)  # keeps the log that it sets up from the next test
        return create_function(service)

    return of


def path_of(service: str) -> str:
    return "/tag" if service == "cf-operations" else "/"


def headers_of(service: str) -> dict[str, str]:
    """Return what a request has to have besides its body."""
    event = HEADERS if service == "cf-bucket-upload" else {}
    return {**event, "Content-Type": "application/json"}


def send(client: FlaskClient, service: str, body: Any, **more: Any) -> TestResponse:
    headers = {**headers_of(service), **more.pop("headers", {})}
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path_of(service), data=data, headers=headers, **more)


# --- text that cannot be stored


@pytest.mark.parametrize("service", [*FUNCTIONS, *WEB])
@pytest.mark.parametrize("sent", ["/?field=%00", "/?field=a%ED%A0%80", "/?%00=a", "/a%00b"])
def test_in_path_or_query_it_is_refused(
    make: Callable[[str], Flask], service: str, sent: str
) -> None:
    client = make(service).test_client()
    answer = client.open(sent, method="GET" if service in WEB else "POST", json=SOUND)
    assert answer.status_code == 400, answer.text
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("service", [*FUNCTIONS, "observations-data"])
@pytest.mark.parametrize("bad", ["\ud800", "a\0b", "\udfff\ud800"])
def test_in_json_it_is_refused(make: Callable[[str], Flask], service: str, bad: str) -> None:
    client = make(service).test_client()
    body = {
        **dict.fromkeys(("sequence_id", "bucket_path", "name", "bucket"), bad),
        "generation": 1,
        "headers": {"FIELD": bad},
        "add": ["a"],
        "reason": bad,
    }
    answer = send(client, service, body)
    if service == "cf-bucket-upload":
        assert answer.status_code == 200  # an event that is refused must not come again
        return
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("bad", [{"FIELD": "\ud800"}, {"FIELD": ["a\0"]}, {"a\0": 1}])
def test_within_headers_it_is_named(make: Callable[[str], Flask], bad: dict[str, Any]) -> None:
    answer = send(make("cf-header-to-db").test_client(), "cf-header-to-db", {"headers": bad})
    assert answer.status_code == 400
    assert "headers" in answer.text


@pytest.mark.parametrize("service", [name for name in FUNCTIONS if "make" in name])
def test_a_message_with_it_does_not_come_again(make: Callable[[str], Flask], service: str) -> None:
    answer = send(make(service).test_client(), service, push({"bucket_path": "a\0\ud800"}))
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["error"]["reason"] == "bad_request"


@pytest.mark.parametrize("service", [name for name in FUNCTIONS if name != "cf-bucket-upload"])
@pytest.mark.parametrize(
    "bad",
    [{"attributes": {"a\0": "b"}}, {"attributes": {"a": "b\0"}}, {"messageId": "7\0"}],
)
def test_beside_the_data_it_does_not_let_a_message_come_again(
    make: Callable[[str], Flask], service: str, bad: dict[str, Any]
) -> None:
    envelope = push(SOUND)
    envelope["message"] |= bad
    path = "/dead-letter" if service == "cf-operations" else "/"
    answer = make(service).test_client().post(path, json=envelope)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    if service == "cf-operations":
        assert answer.json["recorded"]  # whatever came is kept, so that somebody can look
    else:
        assert answer.json["error"]["reason"] == "bad_request"


def test_a_form_with_it_is_refused(make: Callable[[str], Flask]) -> None:
    client = make("observations-data").test_client()
    answer = client.post("/vo/datalink/links", data={"ID": "a\0"})
    assert answer.status_code == 400, answer.text


# --- bodies


WHOLE = {"specversion": "1.0", "id": "1", "source": "//storage", "type": "t", "data": {}}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps(WHOLE), 200),
        (json.dumps(WHOLE | {"specversion": []}), 400),
        (json.dumps(WHOLE | {"specversion": "2.0"}), 400),
        (json.dumps(WHOLE | {"id": {}}), 400),
        (json.dumps({"context": 1, "data": {}}), 400),
        ("[]", 400),
        ("1", 400),
        ("{", 400),
        ("", 400),
        (b"\xff\xfe", 400),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json"])
def test_an_event_within_a_body_is_whole_or_refused(
    make: Callable[[str], Flask], body: str | bytes, kind: str, status: int
) -> None:
    client = make("cf-bucket-upload").test_client()
    answer = client.post("/", data=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text


def test_an_event_of_an_unknown_version_is_refused(make: Callable[[str], Flask]) -> None:
    client = make("cf-bucket-upload").test_client()
    answer = client.post("/", json={"context": 1}, headers={**HEADERS, "ce-specversion": "9"})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("service", [*FUNCTIONS, "observations-data"])
def test_deep_json_is_refused(make: Callable[[str], Flask], service: str) -> None:
    client = make(service).test_client()
    assert send(client, service, DEEP).status_code == 400
    assert send(client, service, '{"sequence_id":' * 900 + "1" + "}" * 900).status_code < 500


@pytest.mark.parametrize("service", [*FUNCTIONS, *WEB, "eventarc"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_body_that_says_to_be_long_is_not_read(
    make: Callable[[str], Flask], service: str, method: str
) -> None:
    answer = (
        make(service)
        .test_client()
        .open(
            path_of(service),
            method=method,
            input_stream=Untouchable(),
            headers=headers_of(service),
            environ_overrides={"CONTENT_LENGTH": "200000000"},
        )
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("service", [*FUNCTIONS, "observations-data", "eventarc"])
def test_a_body_without_a_length_is_read_up_to_the_limit(
    make: Callable[[str], Flask], service: str
) -> None:
    body = Endless()
    answer = (
        make(service)
        .test_client()
        .post(
            path_of(service),
            headers=headers_of(service),
            environ_overrides={**ENDLESS, "wsgi.input": body},
        )
    )
    assert answer.status_code == 413, answer.text
    assert body.n_read < 2 * request_guard.MAX_BODY_BYTES


def test_the_longest_dead_letter_is_taken_and_no_longer_one(make: Callable[[str], Flask]) -> None:
    client = make("cf-operations").test_client()
    said = push({"bucket_path": "x" * 3_000_000})
    assert client.post("/dead-letter", json=said).status_code == 200
    assert client.post("/tag", json=said).status_code == 413
    body = Endless()
    kind = {"Content-Type": "application/json"}
    endless = {**ENDLESS, "wsgi.input": body}
    answer = client.post("/dead-letter", headers=kind, environ_overrides=endless)
    assert answer.status_code == 413


@pytest.mark.parametrize("service", [*FUNCTIONS, *WEB, "eventarc"])
def test_a_compressed_body_is_not_unpacked(make: Callable[[str], Flask], service: str) -> None:
    bomb = gzip.compress(b"[" * 50_000_000)
    packed = {"Content-Encoding": "gzip"}
    assert send(make(service).test_client(), service, bomb, headers=packed).status_code == 400


# --- the next request


def test_good_requests_around_poison_are_answered_right(db: Engine, data_port: int) -> None:
    with rows(db) as session:
        wanted = [add_observation(session, unit_id=f"PAN{n:03}", images=[{}]) for n in range(1, 9)]
    url = f"http://127.0.0.1:{data_port}"

    def ask(number: int) -> bool:
        if number % 3 == 0:
            poison = b'{"sequence_id":"\\ud800"}' if number % 2 else DEEP.encode()
            kind = {"Content-Type": "application/json"}
            return requests.post(url, data=poison, headers=kind, timeout=30).status_code == 400
        sequence_id = wanted[number % len(wanted)]
        answer = requests.get(f"{url}/observations/{sequence_id}", timeout=30)
        return bool(answer.json()["sequence_id"] == sequence_id)

    with ThreadPoolExecutor(8) as people:
        assert all(people.map(ask, range(120)))


# --- too many, and no database


@pytest.fixture
def locked(db: Engine) -> Iterator[Engine]:
    """Give the engine while somebody holds a whole table."""
    with db.begin() as connection:
        connection.execute(text("LOCK TABLE sequences, units"))
        yield db


def test_a_service_that_is_busy_says_so_and_that_it_lives(
    locked: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_BUSY", 2)
    with served(create_app("observations-data")) as url, ThreadPoolExecutor(2) as people:
        waiting = [people.submit(requests.get, f"{url}/units", timeout=30) for _ in range(2)]
        _wait_for_waiters(locked, 2)
        refused = requests.get(f"{url}/observations", timeout=30)
        assert refused.status_code == 503
        assert refused.json()["detail"] == admission.BUSY
        assert int(refused.headers["Retry-After"]) > 0
        assert requests.get(f"{url}/health", timeout=30).json() == {"status": "ok"}
        answers = [one.result() for one in waiting]
    assert [one.status_code for one in answers] == [503, 503]
    assert {"locked" in one.json()["detail"] for one in answers} == {True}
    assert {int(one.headers["Retry-After"]) > 0 for one in answers} == {True}


def _wait_for_waiters(engine: Engine, number: int) -> None:
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with engine.connect() as connection:
        while connection.scalar(query) != number:
            pass


def test_a_refused_request_gives_its_room_back(
    make: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_BUSY", 1)
    client = make("observations-data").test_client()
    for _ in range(3):
        assert get(client, "/units") == {"items": [], "total": 0}
        problem(client, "/nowhere", 404)


def test_a_function_that_is_busy_says_so(
    make: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission.Admission, "has_room", lambda _: False)
    client = make("cf-header-to-db").test_client()
    assert asks_to_come_again(client.post("/", json=SOUND))
    assert client.get("/health").status_code == 200


def test_health_is_told_however_often(
    make: Callable[[str], Flask], set_env: Callable[..., None]
) -> None:
    set_env(RATE_LIMIT="1 per minute")
    for service in WEB:
        client = make(service).test_client()
        assert [client.get("/health").status_code for _ in range(3)] == [200] * 3
        assert [client.get("/about").status_code for _ in range(2)][1] == 429


def test_a_full_database_is_said_with_when_to_come_again(
    db: Engine, set_env: Callable[..., None]
) -> None:
    with db.begin() as connection:
        connection.execute(text("ALTER DATABASE metadata CONNECTION LIMIT 0"))
    database.engine.cache_clear()
    with served(create_app("observations-data")) as data:
        answer = requests.get(f"{data}/units", timeout=30)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert "metadata" not in answer.text
        set_env(OBSERVATIONS_DATA_URL=data)
        page = create_app("observations-explorer").test_client().get("/units")
    assert asks_to_come_again(page)
    assert f'<meta http-equiv="refresh" content="{page.headers["Retry-After"]}">' in page.text
    with db.begin() as connection:
        connection.execute(text("ALTER DATABASE metadata CONNECTION LIMIT -1"))


@pytest.mark.parametrize("status", [429, 503])
def test_a_page_comes_again_when_the_data_service_says(
    faulty: FaultyService, set_env: Callable[..., None], status: int
) -> None:
    faulty.status = status
    with served(faulty) as url:
        set_env(OBSERVATIONS_DATA_URL=url)
        page = create_app("observations-explorer").test_client().get("/")
    assert asks_to_come_again(page)
    assert '<meta http-equiv="refresh"' in page.text


def test_a_page_comes_again_where_nothing_answers(set_env: Callable[..., None]) -> None:
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{free_port()}")
    page = create_app("observations-explorer").test_client().get("/")
    assert asks_to_come_again(page)
    assert '<meta http-equiv="refresh"' in page.text
    missing = create_app("observations-explorer").test_client().get("/nothing")
    assert '<meta http-equiv="refresh"' not in missing.text


def test_every_service_is_given_no_more_than_it_takes() -> None:
    assert all(one.concurrency <= admission.MAX_BUSY for one in deployments().values())
