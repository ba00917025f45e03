"""Whatever hostile request comes, the next sound one is answered as if it had not.

In a service, a hostile request may leave a connection, a session or a cache behind for the next.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from panoptes_network.web.request_guard import MAX_BODY_BYTES
from tests.fuzz.hostile_json import texts, values
from tests.service.functions.test_bucket_upload import HEADERS
from tests.service.support.functions import IDS, IMAGE_ID, PATH, Network, frame, served
from tests.service.support.web_services import add_observation, create_app, rows

EXAMPLES = int(os.environ.get("POISON_EXAMPLES", "25"))
"""Hostile requests to each service."""

_FIELDS = (
    *("sequence_id", "image_id", "bucket_path", "bucket", "name", "generation", "headers"),
    *("add", "reason", "message", "subscription"),
)
_TIMES = (
    *("00010101T000000", "00000101T000000", "00000000T000000", "99991231T235959"),
    *("20190229T000000", "19000229T134202", "20181011T246060", "-0010101T000000"),
)
_DATES = (
    *("0001-01-01", "0000-01-01", "0000-00-00", "9999-12-31", "10000-01-01", "2019-02-29"),
    *("1900-02-29", "2018-10-11T25:61:61", "0001-01-01T00:00:00+23:59", "-0001-01-01"),
    "9999-12-31T23:59:59-23:59",
)
_times, _dates = st.sampled_from(_TIMES), st.sampled_from(_DATES)
_paths = st.builds("PAN001/M42/14d3bd/{}/{}.fits".format, _times, _times)
_ids = st.builds("PAN001_14d3bd_{}".format, _times)
_surrogates = st.builds(
    "{}{}{}".format, texts, st.sampled_from(["\ud800", "\udfff\ud800", "\0", "a\ud800\0"]), texts
)
_parts = st.one_of(_surrogates, _paths, _ids, _dates, values)
_objects = st.dictionaries(st.sampled_from(_FIELDS) | _surrogates, _parts, max_size=5)
_DEEP = (
    b"[" * 100_000 + b"]" * 100_000,
    b'{"message":' * 5000 + b"1" + b"}" * 5000,
    b'{"headers":' * 900 + b"{}" + b"}" * 900,
)
_GIANT = (b" " * (MAX_BODY_BYTES + 1), b'{"name": "' + b"x" * MAX_BODY_BYTES + b'"}')
_BODIES = st.one_of(
    _objects.map(lambda sent: json.dumps(sent).encode()),
    _objects.map(lambda sent: json.dumps({"message": sent}).encode()),
    st.sampled_from([*_DEEP, *_GIANT, b"", b"\xff\xfe", b'{"name": "\xed\xa0\x80"}']),
    st.binary(max_size=60),
)
_KINDS = (
    *("application/json", "application/json", "application/json; charset=utf-16", "text/plain"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", "a/b;\xff"),
    *("application/cloudevents+json", "application/json; charset=no-such"),
)
_PARAMETERS = (
    *("after", "before", "date", "unit", "field", "name", "ra", "dec", "radius", "cursor", "ID"),
    *("sequence_id", "limit", "TIME", "POS"),
)
_QUERIES = st.dictionaries(
    st.sampled_from(_PARAMETERS),
    _dates | st.sampled_from(["%00", "%ED%A0%80", "a%FFb", "\u0661", "1e999", "nan"]),
    max_size=3,
).map(lambda sent: "&".join(f"{name}={value}" for name, value in sent.items()))


@dataclass
class Target:
    """A service, the paths that it is asked for, and a request with a known answer."""

    client: FlaskClient
    sound: Callable[[FlaskClient], Any]
    paths: tuple[str, ...] = ("/",)
    methods: tuple[str, ...] = ("POST",)
    headers: dict[str, str] = field(default_factory=dict)


def attack(target: Target) -> None:
    """Send hostile requests, and a sound one after each."""
    known = target.sound(target.client)

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        method=st.sampled_from(target.methods),
        path=st.builds(str.format, st.sampled_from(target.paths), _ids, day=_dates),
        query=_QUERIES,
        body=_BODIES,
        kind=st.sampled_from(_KINDS),
    )
    def check(method: str, path: str, query: str, body: bytes, kind: str) -> None:
        sent: dict[str, Any] = {"headers": target.headers, "data": body, "content_type": kind}
        if method == "GET":
            sent = {}
        answer = target.client.open(f"{path}?{query}", method=method, **sent)
        assert answer.status_code < 500, answer.text
        assert target.sound(target.client) == known

    check()


@pytest.fixture
def observed(db: Engine, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an observation."""
    monkeypatch.setenv("RATE_LIMIT", "100000 per second")
    with rows(db) as session:
        return add_observation(session, images=[{}])


def _page(path: str) -> Callable[[FlaskClient], bytes]:
    def ask(client: FlaskClient) -> bytes:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return bytes(answer.data)

    return ask


DATA_PATHS = (
    *("/", "/observations", "/observations/{}", "/images/{}", "/nights/{day}", "/stats"),
    "/highlights",
)
PAGES = (
    *("/", "/observations", "/observations/{}", "/images/{}", "/units/PAN001/nights/{day}"),
    *("/stats", "/sky"),
)


def test_observations_data(observed: str) -> None:
    client = create_app("observations-data").test_client()
    sound = _page(f"/observations/{observed}")
    attack(Target(client, sound, DATA_PATHS, ("GET", "POST")))


def test_explorer(observed: str, set_env: Callable[..., None]) -> None:
    sound = _page(f"/observations/{observed}")
    with served(create_app("observations-data")) as url:
        set_env(OBSERVATIONS_DATA_URL=url)
        client = create_app("observations-explorer").test_client()
        attack(Target(client, sound, PAGES, ("GET", "GET", "POST")))


def _posted(path: str, body: object) -> Callable[[FlaskClient], tuple[int, Any]]:
    def ask(client: FlaskClient) -> tuple[int, Any]:
        answer = client.post(path, json=body)
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code, answer.json

    return ask


NOWHERE = "PAN001/M42/14d3bd/20181011T134202/20181011T235959.cr2"
"""A file that is missing: it takes a look into the bucket, and no time, to say so."""
FUNCTIONS: dict[str, tuple[str, object]] = {
    "cf-image-received": ("/", {"bucket_path": NOWHERE}),
    "cf-header-to-db": ("/", {"headers": IDS}),
    "cf-make-fits": ("/", {"bucket_path": NOWHERE}),
    "cf-make-jpg": ("/", {"bucket_path": NOWHERE}),
    "cf-make-rgb-fits": ("/", {"bucket_path": NOWHERE}),
    "cf-make-timelapse": ("/", {"sequence_id": "PAN009_14d3bd_20181011T134202"}),
    "cf-operations": ("/list", {"image_id": IMAGE_ID}),
}
OPERATIONS = ("/sweep", "/list", "/replay", "/tag", "/dead-letter")


@pytest.mark.parametrize("service", FUNCTIONS)
def test_a_function(chain: Network, function: Callable[..., FlaskClient], service: str) -> None:
    paths = OPERATIONS if service == "cf-operations" else ("/",)
    attack(Target(function(service), _posted(*FUNCTIONS[service]), paths))


def test_bucket_upload(chain: Network, function: Callable[..., FlaskClient]) -> None:
    chain.upload(PATH, frame(ISO=100))
    event = {"bucket": chain.bucket.name, "name": PATH, "generation": "1"}

    def sound(client: FlaskClient) -> int:
        return client.post("/", json=event, headers=HEADERS).status_code

    for headers in (HEADERS, {}):
        attack(Target(function("cf-bucket-upload"), sound, headers=headers))
