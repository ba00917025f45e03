"""Facts that an operator sets and pins, by the command, and where they are shown."""

from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.operations.cli import main
from tests.service.support.functions import IDS, Network, frame, post
from tests.service.support.operations import rows
from tests.service.support.web_services import create_app, get

PATH = "PAN001/M42/14d3bd/20181011T134202/20181011T1343{}.fits"
SITES = {"33": -155.58, "55": 11.6}


@pytest.fixture
def receive(network: Network, function: Any) -> Any:
    client = function("cf-header-to-db")

    def receive(second: str) -> None:
        path = PATH.format(second)
        network.upload(path, frame(**{**IDS, "LAT-OBS": 48.1, "LONG-OBS": SITES[second]}))
        post(client, path)

    return receive


def operate(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def unit() -> Any:
    return get(create_app("observations-data").test_client(), "/units/PAN001/nights")["unit"]


def test_a_pinned_fact_stays_until_it_is_unpinned(receive: Any, db: Engine) -> None:
    receive("33")
    done = operate("unit", "PAN001", "--longitude", "-155.6", "--pin", "--by", "ada")
    assert (done.exit_code, "longitude_deg  -155.6  pinned" in done.output) == (0, True), done
    receive("55")
    assert (unit()["longitude_deg"], unit()["latitude_deg"]) == (-155.6, 48.1)
    assert operate("unit", "PAN001", "--unpin", "--reason", "moved").exit_code == 0
    receive("55")
    assert unit()["longitude_deg"] == -155.6  # an operator's word is newer than the frame
    query = "SELECT name, changed_by, reason, is_pinned FROM fact_changes ORDER BY change_id"
    [first, *others] = [tuple(row.values()) for row in rows(db, query)]
    assert first == ("longitude_deg", "ada", None, True)
    assert [(row[0], *row[2:]) for row in others] == [("longitude_deg", "moved", False)]


def test_changes_and_contradictions_are_shown(receive: Any, explorer: FlaskClient) -> None:
    receive("33")
    receive("55")
    [change] = unit()["changes"]
    assert (change["name"], change["old_value"], change["new_value"]) == (
        "longitude_deg",
        -155.58,
        11.6,
    )
    assert "-155.58" in explorer.get("/units/PAN001").text
    client = create_app("observations-data").test_client()
    found = get(client, "/units/PAN001/nights/2018-10-11")["findings"]
    [finding] = [one for one in found if "LONG-OBS" in one["what"]]
    assert "1 image" in finding["what"]
    assert "-155.58" in finding["what"]


def test_a_field_that_was_set_is_shown_with_the_observation(
    receive: Any, explorer: FlaskClient
) -> None:
    receive("33")
    sequence_id = IDS["SEQID"]
    done = operate("observation", sequence_id, "--field", "M 43", "--pin", "--by", "ada")
    assert done.exit_code == 0, done.output
    receive("55")
    found = get(create_app("observations-data").test_client(), f"/observations/{sequence_id}")
    assert found["field"] == "M 43"
    [change] = found["fact_changes"]
    assert (change["old_value"], change["new_value"], change["changed_by"]) == (
        "M42",
        "M 43",
        "ada",
    )
    page = explorer.get(f"/observations/{sequence_id}").text
    assert "Change history" in page
    assert "<b>field</b> from M42 to M 43, pinned" in page
    assert "by ada" in page


@pytest.mark.parametrize(
    "arguments",
    [
        ["unit", "PAN001"],
        ["unit", "PAN999", "--pin"],
        ["unit", "PAN001", "--latitude", "91"],
        ["unit", "PAN001", "--longitude", "nan"],
        ["observation", "nonsense", "--field", "M42"],
        ["observation", IDS["SEQID"], "--exptime", "0"],
    ],
)
def test_bad_input_is_explained(network: Network, arguments: list[str]) -> None:
    done = operate(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
