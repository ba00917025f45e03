"""The command panoptes-network over a real observations-data."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from panoptes_client.cli import main
from panoptes_network import config
from panoptes_network.database.models import CatalogStar
from panoptes_network.names.resolver import resolve
from panoptes_network.sky.healpix import healpix_cells
from panoptes_network.states import FileKind
from tests.conftest import free_port
from tests.service.support.functions import served
from tests.service.support.star_fields import StarField, add_stars, mosaic
from tests.service.support.web_services import add_observation, create_app, rows, storage_at, store

FIELD = StarField(number=9)
TARGET = "Ж'\" ☄, 1"
BACKWARDS = "\u202e1 M42"
IMAGE: dict[str, Any] = {
    "state": "sources_extracted",
    "exptime_s": 120.0,
    "ra_deg": 83.8,
    "dec_deg": -5.4,
    "files": {FileKind.PICTURE: 7},
}
TABLES = ["search", "images", "sources", "lightcurve", "units", "nights"]
READ = {".csv": "ascii.csv", ".vot": "votable", ".parquet": "pandas", ".fits": "fits"}


@pytest.fixture
def url(db: Engine, storage_port: int) -> Iterator[str]:
    with storage_at(storage_port), served(create_app("observations-data")) as url:
        yield url


@pytest.fixture
def names(db: Engine) -> dict[str, str]:
    """What each command is asked for, of an observation with stars; and one without images."""
    with rows(db) as session:
        sequence_id = add_observation(session, field=TARGET, images=[IMAGE] * 3)
        [image_id, *_] = add_stars(session, sequence_id, FIELD)
        add_observation(session, unit_id="PAN002", camera_id="ee04d1", field=BACKWARDS)
    return {
        "images": sequence_id,
        "files": sequence_id,
        "sources": image_id,
        "lightcurve": "1003",
        "stamps": "1003",
        "nights": "PAN001",
    }


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--url", url, *arguments])


def output(url: str, *arguments: str) -> str:
    result = run(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def asked(names: dict[str, str], command: str) -> list[str]:
    return [command, *([names[command]] if command in names else [])]


def read(path: Path, form: str) -> Table:
    if form == "pandas":
        return Table.from_pandas(pd.read_parquet(path))
    return Table.read(path, format=form)


@pytest.mark.parametrize("command", TABLES)
def test_each_table_in_each_format(
    url: str, names: dict[str, str], tmp_path: Path, command: str
) -> None:
    rows = json.loads(output(url, *asked(names, command), "--format", "json"))
    assert rows
    for suffix, form in READ.items():
        path = tmp_path / f"{command}{suffix}"
        assert output(url, *asked(names, command), "-o", str(path)) == ""
        table = read(path, form)
        assert table.colnames == list(rows[0])
        assert len(table) == len(rows)
        for name in table.colnames:
            for value, expected in zip(
                table[name].tolist(), (row[name] for row in rows), strict=True
            ):
                is_number = isinstance(expected, (int, float)) and not isinstance(expected, bool)
                if is_number:
                    assert value == pytest.approx(expected, rel=1e-12)
                elif name == "picid":
                    assert value == (None if expected is None else int(expected))


def test_hostile_text_survives_every_format(
    url: str, names: dict[str, str], tmp_path: Path
) -> None:
    as_csv = output(url, "search", "--unit", "PAN001")
    assert Table.read(as_csv.splitlines(), format="ascii.csv")["field"].tolist() == [TARGET]
    [row] = json.loads(output(url, "search", "--unit", "PAN001", "--format", "json"))
    assert row["field"] == TARGET
    path = tmp_path / "found.fits"
    output(url, "search", "-o", str(path))
    fields = [str(value) for value in Table.read(path)["field"]]
    # FITS has ASCII only.
    in_ascii = {text.encode("ascii", "backslashreplace").decode() for text in (TARGET, BACKWARDS)}
    assert set(fields) == in_ascii


def test_what_is_not_known_is_null(url: str, names: dict[str, str]) -> None:
    [row] = json.loads(output(url, "search", "--unit", "PAN002", "--format", "json"))
    assert (row["ra_deg"], row["film"]) == (None, None)


def test_pixels(url: str, names: dict[str, str], tmp_path: Path) -> None:
    for suffix, load in {".fits": Table.read, ".parquet": pd.read_parquet}.items():
        path = tmp_path / f"stamps{suffix}"
        output(url, "stamps", names["stamps"], "-o", str(path))
        table = load(path)
        x, y, side = (int(table[name][2]) for name in ("stamp_x", "stamp_y", "stamp_side"))
        expected = mosaic(FIELD, 2)[y : y + side, x : x + side]
        pixels = np.array([list(row) for row in table["pixels"][2]])
        np.testing.assert_array_equal(pixels.reshape(side, side), expected)
    [first, *_] = json.loads(output(url, "stamps", names["stamps"], "--format", "json"))
    assert np.shape(first["pixels"]) == (10, 10)
    for form in ("csv", "votable"):
        refused = run(url, "stamps", names["stamps"], "--format", form)
        assert refused.exit_code == 2
        assert "cannot hold pixels" in refused.stderr


@pytest.mark.parametrize("command", ["search", "stamps"])
def test_a_terminal_shows_a_table(url: str, names: dict[str, str], command: str) -> None:
    words = [sys.executable, "-m", "panoptes_client", "--url", url, *asked(names, command)]
    shown = on_terminal(words)
    assert "\u202e" not in shown
    assert "rows" in shown.splitlines()[-1]
    assert shown.count("\n") > 3


def on_terminal(words: list[str]) -> str:
    """Run a command with a terminal as its output and return what it wrote there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        written = b""
        while piece := _read(ours):
            written += piece
    os.close(ours)
    assert process.returncode == 0, written
    return written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # what a terminal says when nobody writes to it any more
        return b""


def test_filters(url: str, names: dict[str, str]) -> None:
    def found(*filters: str) -> int:
        return len(Table.read(output(url, "search", *filters).splitlines(), format="ascii.csv"))

    assert found() == 2
    assert found("--at", "5h35m17s -5d23m28s", "--radius", "1") == 1
    assert found("--at", "83.8 -5.4", "--radius", "0.1", "--sort", "distance") == 1
    assert found("--min-images", "1", "--after", "2018-10-11", "--before", "2018-10-11") == 1
    assert found("--name", "M42", "--limit", "1") == 1
    assert found("--unit", "pan002") == 1


def test_files(url: str, names: dict[str, str], tmp_path: Path) -> None:
    listed = output(url, "files", names["files"], "--list", "--kind", "picture").splitlines()
    assert len(listed) == 3
    for line in listed:
        bucket, _, path = line.partition("/")
        store(getattr(config.settings(), f"{bucket}_bucket"), path, b"picture")
    result = run(url, "files", names["files"], "--kind", "picture", "-d", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert f"3 files in {tmp_path}" in result.stderr
    assert [(tmp_path / line).read_bytes() for line in listed] == [b"picture"] * 3
    missing = run(url, "files", names["files"], "--kind", "raw", "-d", str(tmp_path))
    assert missing.exit_code == 1
    assert "3 files failed" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["images", "PAN001_14d3bd_20001011T134202"], 2, "no observation"),
        (["search", "--state", "nonsense"], 2, "state"),
        (["search", "--at", "somewhere"], 2, "invalid position"),
        (["search", "-o", "found.doc"], 2, "end the name with"),
        (["search", "--format", "fits"], 2, "-o NAME"),
        (["search", "-o", "/nowhere/found.csv"], 1, "/nowhere"),
        (["lightcurve", "x!"], 2, "no match for"),
        (["lightcurve", "1003", "--sequnce", "x"], 2, "--sequence"),
        (["stamps", "-11767", "--sequnce", "x"], 2, "--sequnce"),
    ],
)
def test_failures_are_told_in_words(
    url: str, names: dict[str, str], arguments: list[str], status: int, words: str
) -> None:
    result = run(url, *arguments)
    assert result.exit_code == status
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_the_address_may_stand_in_the_environment(
    url: str, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANOPTES_NETWORK_URL", url)
    assert CliRunner().invoke(main, ["units"]).exit_code == 0
    wrong = CliRunner().invoke(main, ["--url", f"ftp://127.0.0.1:{free_port()}", "units"])
    assert wrong.exit_code == 2
    assert "not a URL" in wrong.stderr


@pytest.mark.parametrize("command", ["lightcurve", "stamps"])
def test_a_star_may_have_a_negative_number(command: str) -> None:
    arguments = ["-11767", "--sequence", "x", "-o", "star.csv"]
    context = main.commands[command].make_context(command, arguments)
    assert (context.params["star"], context.params["sequence"]) == ("-11767", "x")


def add_maia(db: Engine, picid: int) -> None:
    """Add Maia, which the tables of names know, to the network's catalog."""
    target = resolve("Maia")
    assert target is not None
    ra_deg, dec_deg = target.at(2000.0)
    with rows(db) as session:
        session.merge(
            CatalogStar(
                picid=picid,
                catalog="tic",
                healpix=int(healpix_cells([ra_deg], [dec_deg])[0]),
                ra_deg=ra_deg,
                dec_deg=dec_deg,
                pmra_masyr=0.0,
                pmdec_masyr=0.0,
                mag=3.9,
                gaia_mag=3.9,
                teff_k=12000.0,
            )
        )


def test_a_name_is_looked_up(url: str) -> None:
    found = json.loads(output(url, "find", "alf Lyr"))
    assert (found["name"], found["kind"]) == ("Vega · HIP 91262", "star")
    result = run(url, "find", "Betelguese")
    assert result.exit_code == 2
    assert "did you mean Betelgeuse" in result.stderr


def test_a_star_may_be_named(url: str, names: dict[str, str], db: Engine) -> None:
    by_id = output(url, "stamps", names["stamps"], "--format", "json")
    add_maia(db, int(names["stamps"]))
    assert output(url, "stamps", "20 Tau", "--format", "json") == by_id
    assert json.loads(by_id)
    result = run(url, "lightcurve", "Vega")
    assert result.exit_code == 2
    assert "catalog has no star" in result.stderr


def test_observations_around_a_named_place(url: str, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[IMAGE])
    assert sequence_id in output(url, "search", "--name", "Orion", "--radius", "15")
    assert sequence_id not in output(url, "search", "--name", "Vega", "--radius", "15")
