"""The tables of observations-data, read back by programs that know nothing of it."""

import csv
import io
import json
import math
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from astropy.io.votable import parse
from flask.testing import FlaskClient
from pyarrow import parquet
from sqlalchemy import Engine

from observations_data.data_tables import (
    Column,
    Kind,
    Row,
    Table,
    csv_lines,
    votable,
    votable_bytes,
    with_rows,
)
from observations_data.observations import tables
from panoptes_network.states import FileKind, ImageState
from tests.service.support.web_services import (
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

HOSTILE = "=cmd|' /C calc'!A0, \"<b>\"\r\né\N{TELESCOPE}]]>&"
IMAGES: list[dict[str, Any]] = [
    {
        "state": ImageState.SOURCES_EXTRACTED,
        "ra_deg": 83.8,
        "dec_deg": -5.4,
        "n_sources": 9000,
        "footprint_deg": [76.3, -10.4, 91.3, -10.4, 91.3, -0.4, 76.3, -0.4],
        "files": {FileKind.THUMBNAIL: 3},
    },
    {"state": ImageState.UNSOLVED, "reason_code": "blank_frame", "reason": "a \x01 b\x0b"},
    {"ra_deg": math.nan, "fwhm_px": math.inf},
]
LISTINGS: dict[str, tuple[Table, str]] = {
    "/observations": (tables.OBSERVATIONS, "items"),
    "/observations/PAN001_14d3bd_20181011T134202": (tables.IMAGES, "images"),
    "/observations/PAN001_14d3bd_20181011T134202/events": (tables.EVENTS, "items"),
    "/units": (tables.UNITS, "items"),
    "/units/PAN001/nights": (tables.NIGHTS, "items"),
    "/": (tables.OBSERVATIONS, "items"),
}
every_listing = pytest.mark.parametrize("path", LISTINGS)


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    with rows(db) as session:
        add_observation(session, field=HOSTILE, images=IMAGES, mount_ra_deg=math.nan)
        add_observation(session, camera_id="ffffff", field=None)
    return create_app("observations-data").test_client()


def asked(client: FlaskClient, path: str, wanted: str) -> bytes:
    answer = client.get(path, query_string={"format": wanted})
    assert answer.status_code == 200, answer.text
    data: bytes = answer.data
    return data


def expected(client: FlaskClient, path: str) -> list[Row]:
    """Return the rows as JSON has them, nested values as text as flat formats have them."""
    table, items = LISTINGS[path]
    found: list[Row] = get(client, path)[items]
    assert found
    for row in found:
        # What is described is what is there: no column is missing, none is too many.
        assert set(row) == {column.name for column in table.columns}
    nested = [column.name for column in table.columns if column.kind is Kind.JSON]
    return [
        {**row, **{key: row[key] and json.dumps(row[key], ensure_ascii=False) for key in nested}}
        for row in found
    ]


@every_listing
def test_csv(client: FlaskClient, path: str) -> None:
    text = asked(client, path, "csv").decode()
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    table, _ = LISTINGS[path]
    assert list(read[0]) == [column.name for column in table.columns]
    for cells, row in zip(read, expected(client, path), strict=True):
        for name, value in row.items():
            if value is None or value in ("{}", "[]", {}, []):
                assert cells[name] in ("", "{}", "[]")
            elif value == HOSTILE:
                assert cells[name] == f"'{HOSTILE}"
            else:
                assert cells[name] == str(value)


@every_listing
def test_votable(client: FlaskClient, path: str) -> None:
    document = parse(io.BytesIO(asked(client, path, "votable")), verify="exception")
    found = document.get_first_table()
    table, _ = LISTINGS[path]
    assert [field.unit and str(field.unit) for field in found.fields] == [
        column.unit for column in table.columns
    ]
    for cells, row in zip(found.to_table(), expected(client, path), strict=True):
        for name, value in row.items():
            cell = cells[name]
            if isinstance(value, int | float):
                assert cell == value
            elif isinstance(value, str):
                # What XML cannot hold is shown as lost.
                assert str(cell) == value.replace("\x01", "\ufffd").replace("\x0b", "\ufffd")
            else:
                assert np.ma.is_masked(cell) or cell in ("", "{}", "[]") or np.isnan(cell)


@every_listing
def test_votable_is_valid(client: FlaskClient, path: str) -> None:
    if not shutil.which("stilts"):
        pytest.skip("stilts is not installed: local/setup brings it")
    assert votlint(asked(client, path, "votable")) == ""


def votlint(document: bytes) -> str:
    command = ["stilts", "votlint", "votable=-", "ucd=true", "unit=true"]
    done = subprocess.run(command, input=document, capture_output=True, check=True, timeout=120)
    return (done.stdout + done.stderr).decode()


@every_listing
def test_parquet(client: FlaskClient, path: str) -> None:
    read = parquet.read_table(io.BytesIO(asked(client, path, "parquet")))
    table, _ = LISTINGS[path]
    for column in table.columns:
        said = read.field(column.name).metadata
        assert said[b"description"].decode() == column.description
        assert said.get(b"unit", b"").decode() == (column.unit or "")
    times = [column.name for column in table.columns if column.kind is Kind.TIME]
    for cells, row in zip(read.to_pylist(), expected(client, path), strict=True):
        for name in times:
            moment = cells[name]
            cells[name] = moment and moment.isoformat().replace("+00:00", "Z")
        assert {key: value for key, value in cells.items() if value not in ("{}", "[]")} == {
            key: value for key, value in row.items() if value not in ({}, [])
        }


def test_a_table_without_rows(client: FlaskClient) -> None:
    nothing = "/observations/PAN999_14d3bd_20181011T134202/events"
    assert asked(client, nothing, "csv").decode().startswith("image_id,at,")
    assert parquet.read_table(io.BytesIO(asked(client, nothing, "parquet"))).num_rows == 0
    assert len(parse(io.BytesIO(asked(client, nothing, "votable"))).get_first_table().array) == 0


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        ("application/json;q=0.5, text/csv", "text/csv; charset=utf-8; header=present"),
        ("application/x-votable+xml", "application/x-votable+xml"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
    ],
)
def test_accept_chooses(client: FlaskClient, accept: str | None, content_type: str) -> None:
    answer = client.get("/units", headers={"Accept": accept} if accept else {})
    assert answer.headers["Content-Type"] == content_type
    assert "Accept" in answer.vary


def test_format_goes_before_accept(client: FlaskClient) -> None:
    answer = client.get("/units?format=json", headers={"Accept": "text/csv"})
    assert answer.mimetype == "application/json"


def test_what_cannot_be_had_is_refused(client: FlaskClient) -> None:
    assert problem(client, "/units", 400, format="xls")["parameter"] == "format"
    answer = client.get("/units", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.mimetype) == (406, "application/problem+json")


def test_a_download_is_named(client: FlaskClient) -> None:
    for wanted, suffix in {"csv": "csv", "votable": "vot", "parquet": "parquet"}.items():
        answer = client.get(f"/observations/PAN001_14d3bd_20181011T134202?format={wanted}")
        name = f"PAN001_14d3bd_20181011T134202_images.{suffix}"
        assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


@pytest.mark.parametrize("wanted", ["json", "csv", "votable", "parquet"])
def test_the_next_page_is_linked(client: FlaskClient, wanted: str) -> None:
    first = client.get(f"/observations?limit=1&unit=pan001&format={wanted}")
    [link] = first.headers.getlist("Link")
    address, _, relation = link.partition(">; ")
    assert relation == 'rel="next"'
    second = client.get(f"/observations{address.removeprefix('<')}")
    assert second.mimetype == first.mimetype
    assert second.data != first.data
    assert "Link" not in second.headers


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("@here", "'@here"),
        ("\t=1", "'\t=1"),
        ("-5.5e3", "-5.5e3"),
        ("M42 = Orion", "M42 = Orion"),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    table = Table("t", "", (Column("field", "", Kind.TEXT), Column("flux", "", Kind.REAL)))
    lines = "".join(csv_lines(table, [{"field": text, "flux": -1.5}]))
    assert list(csv.reader(io.StringIO(lines, newline=""))) == [["field", "flux"], [cell, "-1.5"]]


def test_a_boolean_and_a_whole_number_of_62_bits() -> None:
    table = Table("t", "all", (Column("is_new", "", Kind.BOOLEAN), Column("n", "", Kind.INTEGER)))
    made: list[Row] = [{"is_new": True, "n": 2**62}, {"is_new": False, "n": -1}, {}]
    assert "".join(csv_lines(table, made)).split() == ["is_new,n", f"true,{2**62}", "false,-1", ","]
    read = _as_votable(table, made)
    assert list(read["is_new"].filled(False)) == [True, False, False]
    assert list(read["n"][:2]) == [2**62, -1]
    assert list(read["n"].mask) == [False, False, True]


def test_a_column_of_ascii_shows_what_it_cannot_hold() -> None:
    table = Table("t", "", (Column("id", "", Kind.TEXT, datatype="char"),))
    assert list(_as_votable(table, [{"id": "ivo://\u00e9\x01"}])["id"]) == ["ivo://??"]


def _as_votable(table: Table, made: list[Row]) -> Any:
    document = with_rows(votable_bytes(votable(table)), table, made)
    return parse(io.BytesIO(document)).get_first_table().array
