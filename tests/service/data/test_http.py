"""What observations-data does with HTTP: validators, compression, other origins, HEAD."""

import gzip
from collections.abc import Callable, Iterator

import brotli  # type: ignore[import-untyped]
import pytest
from backports import zstd
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, update
from werkzeug.test import TestResponse

from panoptes_network.config import settings
from panoptes_network.database.models import Sequence
from tests.service.support.web_services import add_observation, create_app, rows, storage_at, store

PATH = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"
CACHED = (
    "/observations",
    "/observations?format=csv",
    "/observations?format=votable",
    "/observations?format=parquet",
    "/units",
    "/openapi.json",
    "/docs",
)


UNPACK = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstd.decompress}


@pytest.fixture
def app(db: Engine, storage_port: int) -> Iterator[Flask]:
    with rows(db) as session:
        add_observation(session, images=[{}] * 3)
    with storage_at(storage_port):
        store(settings().raw_bucket, PATH, b"0" * 5000)
        yield create_app("observations-data")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def etag(answer: TestResponse) -> str:
    tag, is_weak = answer.get_etag()
    assert tag
    assert not is_weak
    return f'"{tag}"'


@pytest.mark.parametrize("path", CACHED)
@pytest.mark.parametrize("encoding", ["identity", "gzip", "br", "zstd"])
def test_what_has_not_changed_is_not_sent_again(
    client: FlaskClient, path: str, encoding: str
) -> None:
    accepted = {"Accept-Encoding": encoding}
    first = client.get(path, headers=accepted)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={**accepted, "If-None-Match": f'"x", {etag(first)}'})
    assert (again.status_code, again.data) == (304, b"")
    assert etag(again) == etag(first)
    assert "Accept-Encoding" in again.vary
    other = client.get(path, headers={**accepted, "If-None-Match": '"other"'})
    assert (other.status_code, other.data) == (200, first.data)


def test_a_change_changes_the_etag(client: FlaskClient, db: Engine) -> None:
    before = etag(client.get("/observations"))
    assert etag(client.get("/observations")) == before
    with rows(db) as session:
        session.execute(update(Sequence).values(film_reason="too few frames"))
    answer = client.get("/observations", headers={"If-None-Match": before})
    assert answer.status_code == 200
    assert etag(answer) != before


@pytest.mark.parametrize(("encoding", "unpack"), UNPACK.items())
@pytest.mark.parametrize("path", ["/observations", "/observations.csv", "/docs"])
def test_answers_are_compressed_for_who_can_read_it(
    client: FlaskClient, path: str, encoding: str, unpack: Callable[[bytes], bytes]
) -> None:
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": encoding})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == encoding
    assert unpack(packed.data) == plain.data
    assert packed.headers.get("ETag") != plain.headers.get("ETag") or path.endswith(".csv")
    assert "Accept-Encoding" in plain.vary
    assert "Accept-Encoding" in packed.vary


@pytest.mark.parametrize("path", ["/observations", "/observations.csv", "/docs"])
def test_gzip_has_no_time_in_it(client: FlaskClient, path: str) -> None:
    packed = client.get(path, headers={"Accept-Encoding": "gzip"}).data
    assert packed[:2] == b"\x1f\x8b"
    assert packed[4:8] == bytes(4)


def test_small_answers_and_errors_come_as_they_are(client: FlaskClient) -> None:
    for path in ("/health", "/images/none"):
        answer = client.get(path, headers={"Accept-Encoding": "gzip, br, zstd"})
        assert "Content-Encoding" not in answer.headers
        assert answer.json


def test_files_of_buckets_are_not_compressed(client: FlaskClient) -> None:
    answer = client.get(f"/files/raw/{PATH}", headers={"Accept-Encoding": "gzip, br, zstd"})
    assert answer.data == b"0" * 5000
    assert answer.content_length == 5000
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("path", [*CACHED, "/health", f"/files/raw/{PATH}", "/observations.csv"])
def test_head_says_what_get_does(client: FlaskClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.data) == (200, b"")
    changing = {"Date"}
    assert {name: value for name, value in head.headers if name not in changing} == {
        name: value for name, value in got.headers if name not in changing
    }


@pytest.mark.parametrize("path", ["/observations", "/images/none", f"/files/raw/{PATH}"])
def test_pages_of_any_origin_may_read(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Link" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers.getlist("Cross-Origin-Resource-Policy") == ["cross-origin"]


def test_a_browser_may_ask_beforehand(client: FlaskClient) -> None:
    asked = {
        "Origin": "https://elsewhere.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "if-none-match",
    }
    answer = client.options("/observations", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
    assert "POST" not in answer.headers["Access-Control-Allow-Methods"]


def test_neither_posts_nor_metrics_are_for_other_origins(client: FlaskClient) -> None:
    for answer in (client.post("/", json={}), client.get("/metrics")):
        assert answer.status_code == 200
        assert "Access-Control-Allow-Origin" not in answer.headers
