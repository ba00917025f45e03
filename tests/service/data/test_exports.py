"""Observations as one CSV file, and files as a list that `wget -i` reads."""

import csv
import io
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from observations_data.observations import exports
from panoptes_network.config import settings
from panoptes_network.states import FileKind
from tests.service.support.functions import served
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
    storage_at,
    store,
)

FOLDER = "PAN001/M 42/14d3bd/20181011T134202"
FILM = f"{FOLDER.rpartition('/')[0]}/20181011T134202.mp4"


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def many(db: Engine, number: int) -> None:
    with rows(db) as session:
        for minutes in range(number):
            start = START + timedelta(minutes=minutes)
            add_observation(session, start=start, images=[{}] * (minutes % 3))


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_all_pages_of_a_search_are_one_file(
    client: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_LIMIT", 3)
    many(db, 8)
    answer = client.get("/observations.csv?unit=PAN001")
    assert answer.headers["X-Total-Count"] == "8"
    found = read_csv(answer.text)
    listed = get(client, "/observations")["items"]
    assert [row["sequence_id"] for row in found] == [item["sequence_id"] for item in listed]
    assert [int(row["num_images"]) for row in found] == [item["n_images"] for item in listed]


def test_rows_are_as_panoptes_data_reads_them(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, mount_ra_deg=83.8221, mount_dec_deg=math.nan, images=[{}, {}])
    [row] = read_csv(client.get("/observations.csv").text)
    assert row == {
        "sequence_id": "PAN001_14d3bd_20181011T134202",
        "unit_id": "PAN001",
        "camera_id": "14d3bd",
        "field_name": "M42",
        "time": "2018-10-11 13:42:02+00:00",
        "coordinates_mount_ra": "83.8221",
        "coordinates_mount_dec": "",
        "exptime": "120.0",
        "iso": "100",
        "num_images": "2",
        "total_exptime": "240.0",
        "software_version": "POCSv0.6.0",
    }


def test_the_file_ends_at_its_limit(
    client: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_LIMIT", 2)
    monkeypatch.setattr(exports, "MAX_ROWS", 5)
    many(db, 8)
    answer = client.get("/observations.csv")
    assert len(read_csv(answer.text)) == 5
    assert answer.headers["X-Total-Count"] == "8"


def test_filters_are_those_of_the_list(client: FlaskClient, db: Engine) -> None:
    many(db, 4)
    assert read_csv(client.get("/observations.csv?unit=PAN002").text) == []
    assert len(read_csv(client.get("/observations.csv?min_images=1").text)) == 2
    assert problem(client, "/observations.csv", 400, after="x")["parameter"] == "after"


def test_a_database_that_leaves_in_the_middle_breaks_the_answer_off(
    db: Engine, monkeypatch: pytest.MonkeyPatch, database_away: Callable[[], None]
) -> None:
    monkeypatch.setattr(exports, "MAX_LIMIT", 2)
    many(db, 8)
    app = create_app("observations-data")
    with (
        served(app) as url,
        requests.get(f"{url}/observations.csv", stream=True, timeout=60) as answer,
    ):
        assert answer.status_code == 200
    first = exports.observations_csv
    with app.test_request_context():
        pieces = iter(first({}).response)
        next(pieces)
        database_away()
        with pytest.raises(Exception, match="database"):
            list(pieces)


@pytest.fixture
def observed(db: Engine, storage_port: int) -> Iterator[Flask]:
    """An observation of two images with files and a film, all of them in storage."""
    images = [{"files": {FileKind.THUMBNAIL: 5, FileKind.CR2: 5}}, {}]
    with rows(db) as session:
        add_observation(session, field="M 42", images=images, film_path=FILM, film_frames=2)
    with storage_at(storage_port):
        for name in ("20181011T134333.fits.fz", "20181011T134543.fits.fz", "20181011T134333.cr2"):
            store(settings().raw_bucket, f"{FOLDER}/{name}", b"bytes")
        store(settings().processed_bucket, f"{FOLDER}/20181011T134333_thumb.jpg", b"bytes")
        store(settings().processed_bucket, FILM, b"bytes")
        yield create_app("observations-data")


LIST = "/observations/PAN001_14d3bd_20181011T134202/files.txt"


def test_wget_fetches_every_file_of_the_list(observed: Flask, tmp_path: Path) -> None:
    if not shutil.which("wget"):
        pytest.skip("wget is not installed")
    with served(observed) as url:
        answer = requests.get(url + LIST, timeout=60)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        (tmp_path / "files.txt").write_text(answer.text)
        subprocess.run(
            ["wget", "--quiet", "--tries=1", "-i", "files.txt"],
            cwd=tmp_path,
            check=True,
            timeout=120,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "20181011T134202.mp4",
        "20181011T134333.cr2",
        "20181011T134333.fits.fz",
        "20181011T134333_thumb.jpg",
        "20181011T134543.fits.fz",
        "files.txt",
    ]


@pytest.mark.parametrize(
    ("kind", "number"), [("raw", 2), ("cr2", 1), ("film", 1), ("red", 0), ("", 5)]
)
def test_a_kind_of_files(observed: Flask, kind: str, number: int) -> None:
    listed = observed.test_client().get(LIST, query_string={"kind": kind}).text
    assert len(listed.splitlines()) == number
    assert all(line.startswith("http://localhost/files/") for line in listed.splitlines())


def test_refusals(client: FlaskClient) -> None:
    assert problem(client, LIST, 400, kind="fits")["parameter"] == "kind"
    problem(client, LIST, 404)


def addresses(**headers: str) -> set[str]:
    app = create_app("observations-data")
    listed = app.test_client().get(LIST, headers=headers).text
    return {line.partition("/files/")[0] for line in listed.splitlines()}


def test_addresses_are_those_that_lead_here(observed: Flask, set_env: Callable[..., None]) -> None:
    proxied = {"X-Forwarded-Proto": "https", "Host": "127.0.0.1:8083"}
    assert addresses(**proxied) == {"http://127.0.0.1:8083"}
    set_env(TRUSTED_PROXIES=1)
    assert addresses(**proxied) == {"https://127.0.0.1:8083"}
    set_env(PUBLIC_URL="https://panoptes.example/api/")
    assert addresses(**proxied) == {"https://panoptes.example/api"}
