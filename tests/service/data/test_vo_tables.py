"""The tables that the Virtual Observatory's services describe: read by pyvo, checked by stilts."""

import io
import subprocess
from pathlib import Path
from typing import Any

import pytest
from astropy.io.votable import parse
from astropy.units import Unit
from flask.testing import FlaskClient
from pyvo.io.vosi import parse_capabilities, parse_tables
from sqlalchemy import Engine

from tests.service.support.web_services import create_app

ANSWERS = {
    ("scs", "sources"): "/vo/scs/sources?RA=0&DEC=0&SR=0&VERB=3",
    ("scs", "images"): "/vo/scs/images?RA=0&DEC=0&SR=0&VERB=3",
    ("sia", "obscore"): "/vo/sia/query?MAXREC=0",
    ("datalink", "links"): "/vo/datalink/links?ID=nothing",
}
"""Where the columns of each table come as an answer."""


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def body(client: FlaskClient, path: str) -> io.BytesIO:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return io.BytesIO(answer.data)


def one_line(text: str) -> str:
    """Return a description without the line ends that astropy writes into it."""
    return " ".join(text.split())


def described(column: Any) -> list[Any]:
    """Return what pyvo has read of a column."""
    kind, unit = column.datatype, column.unit and Unit(column.unit, format="vounit")
    text = [column.name, column.description, unit, column.ucd, column.utype, kind.content]
    # pyvo takes a single value for an array of one, and its property of the type gives nothing.
    return [*text, None if kind.arraysize == "1" else kind.arraysize, kind._extendedtype]


def answered(field: Any) -> list[Any]:
    """Return the same of a column that astropy has read of an answer."""
    text = [field.name, one_line(field.description), field.unit, field.ucd, field.utype]
    return [*text, field.datatype, field.arraysize, field.xtype]


@pytest.mark.parametrize(("service", "name"), ANSWERS)
def test_a_table_has_the_columns_of_the_answers(
    client: FlaskClient, service: str, name: str
) -> None:
    told = parse_tables(body(client, f"/vo/{service}/tables")).get_table_by_name(name)
    answer = parse(body(client, ANSWERS[service, name])).get_first_table()
    assert told.description == one_line(answer.description)
    assert [described(column) for column in told.columns] == [
        answered(field) for field in answer.fields
    ]


@pytest.mark.parametrize("service", ["scs", "sia", "datalink"])
def test_the_tables_are_all_that_a_service_answers_with(client: FlaskClient, service: str) -> None:
    told = parse_tables(body(client, f"/vo/{service}/tables"))
    assert [(service, table.name) for table in told.iter_tables()] == [
        key for key in ANSWERS if key[0] == service
    ]


@pytest.mark.parametrize(
    "path", ["scs/tables", "sia/tables", "datalink/tables", "sia/tables/obscore"]
)
def test_stilts_finds_the_tables_as_their_schema_has_them(
    client: FlaskClient, tmp_path: Path, path: str
) -> None:
    kept = tmp_path / "tables.xml"
    kept.write_bytes(body(client, f"/vo/{path}").getvalue())
    command = ["stilts", "xsdvalidate", "uselocals=true", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "ERROR" in done.stdout + done.stderr) == (0, False), done


@pytest.mark.parametrize("service", ["sia", "datalink"])
def test_the_capabilities_lead_to_the_tables(client: FlaskClient, service: str) -> None:
    known = parse_capabilities(body(client, f"/vo/{service}/capabilities"))
    [tables] = [one for one in known if one.standardid == "ivo://ivoa.net/std/VOSI#tables-1.1"]
    [address] = tables.interfaces[0].accessurls
    assert address.content == f"http://localhost/vo/{service}/tables"


def test_a_table_that_a_service_does_not_have_is_told(client: FlaskClient) -> None:
    answer = client.get("/vo/sia/tables/sources")
    assert (answer.status_code, answer.mimetype) == (404, "application/x-votable+xml")
    [info] = parse(io.BytesIO(answer.data)).resources[0].infos
    assert info.content == "DefaultFault: there is no such table"
