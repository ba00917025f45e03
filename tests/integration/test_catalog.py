"""Loading files of stars into PostgreSQL, and looking them up again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from panoptes_network.catalog import formats
from panoptes_network.catalog.cli import main
from panoptes_network.catalog.formats import CatalogFileError, open_stars
from panoptes_network.catalog.load import Limits, LoadConflictError, Progress, load
from panoptes_network.catalog.lookup import stars_in_cone

HEADER = "ID,ra,dec,Tmag,pmRA,pmDEC,GAIAmag,Teff"
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
SMALL_BLOCKS = f"""
from panoptes_network.catalog import cli, formats, load
formats.BLOCK_BYTES, load.TRANSACTION_ROWS = {1 << 12}, 200
cli.main()
"""


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr("panoptes_network.catalog.load.TRANSACTION_ROWS", 200)


def load_catalog(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def sky_of(count: int) -> np.ndarray:
    """Rows of id, ra, dec, magnitude; ids in no order of the sky."""
    random = np.random.default_rng(20181011)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    return np.stack(
        [random.permutation(count), random.random(count) * 360, dec, random.uniform(5, 15, count)],
        axis=1,
    )


def write_tic(path: Path, rows: np.ndarray) -> Path:
    lines = (f"{int(i)},{ra:.9f},{dec:.9f},{mag:.3f},1,-2,9,5000" for i, ra, dec, mag in rows)
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def contents(db: Engine, query: str) -> list[tuple[Any, ...]]:
    with db.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def row_versions(db: Engine) -> list[tuple[Any, ...]]:
    """The stars and which transaction wrote each: the same only if nothing was written."""
    return contents(db, "SELECT *, xmin::text FROM catalog_stars ORDER BY catalog, picid")


def test_stars_come_back_as_they_were(db: Engine, tmp_path: Path) -> None:
    rows = sky_of(20_000)
    assert load_catalog("tic", write_tic(tmp_path / "tic.csv", rows)).exit_code == 0
    with db.connect() as connection:
        stars = stars_in_cone(connection, 200, 45, 180)
    order = np.argsort(rows[:, 0])
    found = stars.take(np.argsort(stars.picid))
    assert np.array_equal(found.picid, np.arange(20_000))
    assert np.abs(found.ra_deg - rows[order, 1]).max() < 1e-9
    assert np.abs(found.dec_deg - rows[order, 2]).max() < 1e-9
    assert np.abs(found.mag - rows[order, 3]).max() < 1e-3
    assert (set(found.pmra_masyr), set(found.pmdec_masyr)) == ({1.0}, {-2.0})
    assert found.is_tic.all()


@pytest.mark.parametrize("cone", [(200, 45, 12), (0, -89, 5), (359.9, 0, 3), (10, 10, 0.01)])
@pytest.mark.parametrize("mag_limit", [None, 10])
def test_a_cone_has_the_stars_of_a_search_through_all(
    db: Engine, tmp_path: Path, cone: tuple[float, float, float], mag_limit: float | None
) -> None:
    rows = sky_of(20_000)
    load(open_stars(write_tic(tmp_path / "tic.csv", rows)), Limits(), lambda _: None)
    ra, dec = np.radians(rows[:, 1]), np.radians(rows[:, 2])
    centre_ra, centre_dec = np.radians(cone[0]), np.radians(cone[1])
    cosine = np.sin(dec) * np.sin(centre_dec)
    cosine += np.cos(dec) * np.cos(centre_dec) * np.cos(ra - centre_ra)
    inside = (cosine >= np.cos(np.radians(cone[2]))) & (rows[:, 3] <= (mag_limit or np.inf))
    with db.connect() as connection:
        stars = stars_in_cone(connection, *cone, mag_limit)
    assert sorted(stars.picid) == sorted(rows[inside, 0])


@pytest.mark.parametrize(
    ("cone", "mag_limit"), [((0, 0, 0), None), ((0, 95, 1), None), ((0, 0, 1), float("nan"))]
)
def test_no_cone_no_stars(db: Engine, cone: tuple[float, float, float], mag_limit: float) -> None:
    with db.connect() as connection, pytest.raises(ValueError, match=r"sky|radius|limit"):
        stars_in_cone(connection, *cone, mag_limit)


def test_embedded_stars_within_limits(db: Engine) -> None:
    limits = ["--ra", 88.79, "--dec", 7.41, "--radius", 15, "--mag-limit", 3]
    result = load_catalog("gaia", *limits)
    assert result.exit_code == 0
    with db.connect() as connection:
        orion = stars_in_cone(connection, 83, 3, 20)
    assert not orion.is_tic.any()
    # Betelgeuse, Rigel, Bellatrix, Alnilam, Saiph: HIP numbers.
    assert {-27989, -25336, -26311} <= set(orion.picid)
    assert orion.mag.max() <= 3


def test_loading_again_writes_nothing(db: Engine, tmp_path: Path) -> None:
    assert "No stars are loaded yet" in load_catalog("status").output
    path = write_tic(tmp_path / "tic.csv", sky_of(3000))
    assert "3,000 rows, 3,000 stars, all stars: loaded" in load_catalog("tic", path).output
    before = row_versions(db)
    copied = path.rename(tmp_path / "other_name.csv")
    assert "nothing to do" in load_catalog("tic", copied).output
    assert "about 3,000 stars" in load_catalog("status").output
    # Other limits are another load, that finds each star as it is.
    assert "magnitude up to 10.0: loaded" in load_catalog("tic", copied, "--mag-limit", 10).output
    assert row_versions(db) == before


def test_the_same_id_twice_in_a_file_is_one_star(db: Engine, tmp_path: Path) -> None:
    rows = sky_of(100)
    path = write_tic(tmp_path / "tic.csv", np.concatenate([rows, rows]))
    assert load_catalog("tic", path).exit_code == 0
    assert contents(db, "SELECT count(*) FROM catalog_stars") == [(100,)]


@pytest.mark.parametrize("target_list_first", [True, False])
def test_a_target_list_does_not_replace_full_rows(
    db: Engine, tmp_path: Path, target_list_first: bool
) -> None:
    full = write_tic(tmp_path / "full.csv", np.array([[7, 10.00004, 20, 9], [8, 11, 20, 9]]))
    targets = tmp_path / "targets.csv"
    targets.write_text("# sector 14\nTICID,Tmag,RA,Dec\n7,9.1,10.0000,20.0\n9,5,12,20\n")
    for path in (targets, full) if target_list_first else (full, targets):
        assert load_catalog("tic", path).exit_code == 0
    rows = contents(db, "SELECT picid, ra_deg, teff_k FROM catalog_stars ORDER BY picid")
    assert [row[:2] for row in rows] == [(7, 10.00004), (8, 11.0), (9, 12.0)]
    assert rows[0][2] == 5000


def test_a_killed_load_goes_on(db: Engine, tmp_path: Path) -> None:
    path = write_tic(tmp_path / "tic.csv", sky_of(100_000))
    with subprocess.Popen(
        [sys.executable, "-c", SMALL_BLOCKS, "tic", str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        while not contents(db, "SELECT 1 FROM catalog_loads WHERE rows_done > 1000"):
            assert process.poll() is None, "the load ended before it was killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    ((rows_done, finished_at),) = contents(db, "SELECT rows_done, finished_at FROM catalog_loads")
    assert contents(db, "SELECT count(*) FROM catalog_stars") == [(rows_done,)]
    assert 1000 < rows_done < 100_000
    assert finished_at is None
    assert "UNFINISHED" in load_catalog("status").output
    reported: list[Progress] = []
    load(open_stars(path), Limits(), reported.append)
    assert reported[0].rows > rows_done
    assert contents(db, "SELECT count(*) FROM catalog_stars") == [(100_000,)]
    assert contents(db, "SELECT rows_done, stars_done FROM catalog_loads") == [(100_000, 100_000)]


def test_two_loads_of_a_file_at_once_are_refused(
    db: Engine, tmp_path: Path, small_transactions: None
) -> None:
    path = write_tic(tmp_path / "tic.csv", sky_of(3000))

    def load_too(_: Progress) -> None:
        load(open_stars(path), Limits(), lambda _: None)

    with pytest.raises(LoadConflictError, match=r"tic\.csv"):
        load(open_stars(path), Limits(), load_too)
    assert contents(db, "SELECT count(*) FROM catalog_stars") == [(3000,)]


def test_a_fault_keeps_what_is_whole(db: Engine, tmp_path: Path, small_transactions: None) -> None:
    path = write_tic(tmp_path / "tic.csv", sky_of(3000))
    with path.open("a") as file:
        file.write("1,2,3\n")
    with pytest.raises(CatalogFileError, match="row 3002"):
        load(open_stars(path), Limits(), lambda _: None)
    ((rows_done, finished_at),) = contents(db, "SELECT rows_done, finished_at FROM catalog_loads")
    assert contents(db, "SELECT count(*) FROM catalog_stars") == [(rows_done,)]
    assert 0 < rows_done < 3000
    assert finished_at is None


@pytest.mark.parametrize("content", ["", "name,size\n", f"{HEADER}\n1,2,3\n", "\x1f\x8b\x08"])
def test_a_bad_file_is_named_and_leaves_nothing(db: Engine, tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    result = load_catalog("tic", path)
    assert result.exit_code == 2
    assert f"Error: {path}" in result.output
    assert contents(db, "SELECT count(*) FROM catalog_loads") == [(0,)]
    assert contents(db, "SELECT count(*) FROM catalog_stars") == [(0,)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["gaia", "--ra", "10"],
        ["gaia", "--ra", "10", "--dec", "95", "--radius", "1"],
        ["gaia", "--ra", "10", "--dec", "5", "--radius", "0"],
        ["gaia", "--mag-limit", "nan"],
        ["tic"],
        ["tic", "none.csv"],
        ["something"],
    ],
)
def test_bad_arguments_are_refused(db: Engine, arguments: list[str]) -> None:
    assert load_catalog(*arguments).exit_code == 2


def test_real_target_lists(db: Engine) -> None:
    files = [SHARED_DATA / "all_targets_S014_v1.csv", SHARED_DATA / "tess_targets_s001_s027.csv.gz"]
    if not all(file.exists() for file in files):
        pytest.skip("the shared test data are not beside this checkout")
    result = load_catalog("tic", *files, "--ra", 303.2, "--dec", 46, "--radius", 3)
    assert result.exit_code == 0
    with db.connect() as connection:
        stars = stars_in_cone(connection, 303.2, 46, 3)
    # KIC 8462852, Boyajian's star, is a target of sector 14.
    assert 185336364 in stars.picid
