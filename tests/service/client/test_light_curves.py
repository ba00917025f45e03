"""Light curves and candidates by the scientists' client, over real services."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.timeseries import BoxLeastSquares
from click.testing import CliRunner
from pyarrow import parquet
from sqlalchemy import Engine

from panoptes_client import Network, Patience, RefusedError
from panoptes_client.cli import main
from panoptes_network.light_curves.schema import BAD
from tests.service.support.functions import served
from tests.service.support.light_curve_rows import (
    DEPTH,
    DURATION_H,
    FRAMES,
    Curves,
    add_light_curves,
    transit,
)
from tests.service.support.web_services import add_observation, create_app, rows, storage_at

NIGHT = Curves()
PICID = 1000


@pytest.fixture
def url(db: Engine, storage_port: int) -> Iterator[str]:
    with storage_at(storage_port), served(create_app("observations-data")) as url:
        yield url


@pytest.fixture
def network(url: str) -> Iterator[Network]:
    with Network(url, Patience(tries=3, first_wait_s=0.01, longest_wait_s=0.05)) as network:
        yield network


@pytest.fixture
def sequence_id(url: str, db: Engine, tmp_path: Path) -> str:
    with rows(db) as session:
        sequence_id = add_observation(session)
        add_light_curves(session, sequence_id, NIGHT, tmp_path)
        session.add(transit(sequence_id))
        session.add(transit(sequence_id, 1001, kind="variable", significance=40.0, depth=None))
    return sequence_id


def test_a_search_of_the_table_finds_the_transit(network: Network, sequence_id: str) -> None:
    curve = network.lightcurve(PICID, sequence_id, method="detrended")
    assert len(curve) == FRAMES
    assert curve["bjd_tdb"].unit == u.day
    good = curve[(curve["quality"] & int(BAD)) == 0]
    assert len(good) == FRAMES - 1
    search = BoxLeastSquares(good["bjd_tdb"], good["flux"], good["flux_err"])
    night = np.ptp(good["bjd_tdb"])
    found = search.power([2 * night], DURATION_H / 24, objective="snr")
    assert float(found.depth[0]) == pytest.approx(DEPTH, rel=0.2)
    middle = np.mean(NIGHT.bjd_tdb[NIGHT.is_in_transit])
    assert abs(found.transit_time[0].to_value(u.day) - middle) < 0.02


def test_without_a_method_the_light_is_raw(network: Network, sequence_id: str) -> None:
    assert "relative_g" in network.lightcurve(PICID).colnames


def test_the_stars_of_a_sequence(network: Network, sequence_id: str) -> None:
    stars = network.light_curves(sequence_id)
    assert stars["picid"].tolist() == [1000, 1001, 1002, 1003, 1004]
    assert stars["gaia_mag"].unit == u.mag
    assert stars["scatter"].mask.tolist() == [False] * 4 + [True]
    some = network.light_curves(sequence_id, min_mag=9.15, sort="chi2", limit=2)
    assert some["picid"].tolist() == [1004, 1003]


def test_candidates_by_filters(network: Network, sequence_id: str) -> None:
    assert network.candidates()["kind"].tolist() == ["variable", "transit"]
    [found] = network.candidates(
        kind="transit", known=False, at=SkyCoord(83.8, -5.4, unit="deg"), radius=30 * u.arcmin
    )
    assert found["picid"] == PICID
    assert found["depth"] == DEPTH
    assert json.loads(found["vetting"])["colours_agree"] == 3
    assert len(network.candidates(min_significance=50)) == 0
    assert len(network.candidates(known=True)) == 0
    with pytest.raises(TypeError, match="min_significance"):
        network.candidates(min_signifcance=3)  # type: ignore[call-arg]
    with pytest.raises(RefusedError, match="sort"):
        network.candidates(sort="beauty")


def test_the_files_of_all_light_curves(network: Network, sequence_id: str, tmp_path: Path) -> None:
    files = network.files(sequence_id, ["light_curves"])
    [path] = network.download(files, tmp_path / "down")
    assert parquet.read_table(path).num_rows == 5 * FRAMES - 10


def test_files_for_other_programs(network: Network, sequence_id: str, tmp_path: Path) -> None:
    path = tmp_path / "star.fits"
    path.write_bytes(network.lightcurve_file(PICID))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lightkurve  # noqa: PLC0415 - takes seconds
    assert len(lightkurve.read(path)) == FRAMES
    assert network.lightcurve_file(PICID, "aavso", observer="TST01").startswith(b"#TYPE=Extended")


def output(url: str, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["--url", url, *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_commands(url: str, sequence_id: str, tmp_path: Path) -> None:
    def read(*arguments: str) -> Table:
        return Table.read(output(url, *arguments).splitlines(), format="ascii.csv")

    assert len(read("lightcurve", str(PICID), "--method", "detrended")) == FRAMES
    assert read("light-curves", sequence_id, "--sort", "chi2")["picid"][0] == 1004
    assert read("candidates", "--kind", "transit", "--unknown")["picid"].tolist() == [PICID]
    assert len(read("candidates", "--at", "83.8 -5.4", "--radius", "1", "--limit", "1")) == 1
    report = tmp_path / "report.txt"
    output(url, "export", str(PICID), "--for", "aavso-exoplanet", "-o", str(report))
    assert report.read_text().startswith("#TYPE=EXOPLANET")
    for suffix in (".fits", ".parquet", ".json", ".vot"):
        output(url, "candidates", "-o", str(tmp_path / f"candidates{suffix}"))
