"""The command panoptes-night, over a real observations-data."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from panoptes_network import config
from panoptes_network.nights import cli
from panoptes_network.nights.cli import main
from panoptes_network.states import ImageState
from tests.conftest import free_port, serving
from tests.service.support.web_services import (
    START,
    add_observation,
    is_healthy,
    rows,
    web_command,
    web_environment,
)

CLOUDS = {"state": ImageState.UNSOLVED, "reason_code": "too_few_sources", "reason": "only 3"}


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    port = free_port()
    command = web_command("observations-data", port)
    environment = web_environment(DATABASE_URL=database_url)
    with serving(command, lambda: is_healthy(port), env=environment):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def night(db: Engine, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night with clouds behind the address of the settings."""
    monkeypatch.setenv("OBSERVATIONS_DATA_URL", url)
    config.settings.cache_clear()
    done = {"state": ImageState.SOURCES_EXTRACTED, "fwhm_px": 2.1, "exptime_s": 120.0}
    with rows(db) as session:
        add_observation(session, images=[done, done, CLOUDS], film_reason="only 2 frames")
        add_observation(session, start=START + timedelta(hours=1), images=[{}], film_path="a.mp4")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_report_as_text(night: None) -> None:
    said = run("PAN001", "2018-10-11")
    assert said.exit_code == 0, said.output
    for words in (
        "PAN001, night of 2018-10-11: with problems",
        "2018-10-11 12:00 to 2018-10-12 12:00 UTC, from noon to noon UTC",
        "4 images from 13:43 to 14:43 UTC",
        "1 image unsolved: Too few stars",
        "dew needs a heater",
        "1 received, 2 complete, 1 unsolved",
        "Camera 14d3bd: 4 FITS, 67 % solved",
        "no film: only 2 frames",
    ):
        assert words in said.output
    assert max(map(len, said.output.splitlines())) <= 100


def test_report_as_json(night: None) -> None:
    said = run("pan001", "2018-10-11", "--json")
    assert said.exit_code == 0
    assert json.loads(said.output)["n_images"] == 4


def test_last_night_was_empty(night: None) -> None:
    said = run("PAN001")
    assert said.exit_code == 0
    assert ": no images" in said.output
    assert "Was the sky clear?" in said.output
    assert "Nearest nights with images: 2018-10-11" in said.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["PAN999"], "there is no unit 'PAN999'"),
        (["../observations"], "Error: "),
        (["PAN001", "tomorrow"], "date must be a date like 2018-10-11"),
    ],
)
def test_what_there_is_not(night: None, arguments: list[str], words: str) -> None:
    said = run(*arguments)
    assert said.exit_code == 2
    assert words in said.output
    assert "Traceback" not in said.output


def test_nobody_answers() -> None:
    said = run("PAN001", "--url", f"http://127.0.0.1:{free_port()}")
    assert said.exit_code == 1
    assert "observations-data is not reachable" in said.output


def test_somebody_else_answers(storage_port: int) -> None:
    said = run("PAN001", "--url", f"http://127.0.0.1:{storage_port}")
    assert said.exit_code == 1
    assert "is not observations-data" in said.output or "status 404" in said.output


def test_a_report_of_another_version_is_refused_in_words(
    night: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cli._fetch

    def without_delays(*arguments: str) -> dict[str, object]:
        return {name: value for name, value in whole(*arguments).items() if name != "delays"}

    monkeypatch.setattr(cli, "_fetch", without_delays)
    said = run("PAN001", "2018-10-11")
    assert said.exit_code == 1
    assert "is it another version? --json prints its response" in said.output
    assert run("PAN001", "2018-10-11", "--json").exit_code == 0
