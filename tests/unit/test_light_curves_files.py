"""The files and rows of light curves: what is written is what was measured, star by star."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from pyarrow import parquet

from light_curves.files import fits_file, parquet_file
from light_curves.files.fits_file import write_fits
from light_curves.files.parquet_file import write_parquet
from light_curves.rows import n_stars, photon_limit_ratio, star_rows
from panoptes_network.byte_ranges import ranges_of
from panoptes_network.light_curves.parquet_file import read_footer, read_rows
from panoptes_network.light_curves.schema import MEASUREMENT_COLUMNS, PARQUET_COLUMNS, Quality
from tests.unit.light_curves_made import N_STARS, OFF_FRAME, PICIDS, START, made_curves

SEQUENCE_ID = "PAN001_14d3bd_20181011T134202"


@pytest.fixture(autouse=True)
def _two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (fits_file, parquet_file):
        monkeypatch.setattr(module, "STARS_AT_ONCE", 2)


def test_a_stars_rows_of_the_parquet_file(tmp_path: Path) -> None:
    curves, path = made_curves(), tmp_path / "curves.parquet"
    first_rows = write_parquet(path, curves)
    assert first_rows.tolist() == [0, 4, 7, 11, 15]
    with path.open("rb") as file:
        read, size = ranges_of(file), path.stat().st_size
        rows = read_rows(read, size, 4, 3, read_footer(read, size)).to_pylist()
    assert [row["picid"] for row in rows] == [PICIDS[1]] * 3
    assert {row["catalog"] for row in rows} == {"gaia"}
    assert [row["image_id"][-1] for row in rows] == ["0", "1", "3"]
    assert [round(row["raw_flux_b"]) for row in rows] == [3001, 3011, 3031]
    assert [row["airmass"] for row in rows] == pytest.approx([1.1, 1.2, 1.4])


def test_the_parquet_file_has_every_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "curves.parquet"
    write_parquet(path, made_curves())
    table = parquet.read_table(path)
    assert table.num_rows == 4 * (N_STARS - 1) - 1
    assert table.column_names == [column.name for column in PARQUET_COLUMNS]
    assert table["quality"].to_pylist()[:4] == [0, Quality.CLOUD, 0, Quality.OUTLIER]


def test_the_fits_file_reads_as_tables(tmp_path: Path) -> None:
    curves, path = made_curves(), tmp_path / "curves.fits"
    write_fits(path, curves, SEQUENCE_ID)
    stars, frames, rows = (Table.read(path, hdu=name) for name in ("STARS", "FRAMES", "CURVES"))
    assert stars["picid"].tolist() == rows["picid"].tolist() == PICIDS.tolist()
    assert [str(name).strip() for name in rows["catalog"]] == ["tic", "gaia", "tic", "tic", "gaia"]
    assert stars["n_good"].tolist() == [2, 3, 4, 4, 0]
    assert frames["time"][1].strip() == "2018-10-11T13:46:03.000Z"
    assert frames["image_id"].tolist() == list(curves.fluxes.image_ids)
    assert np.allclose(rows["raw_flux_g"][3], [2003, 2013, 2023, 2033])
    assert np.allclose(rows["bjd_tdb"], curves.bjd_tdb.T, rtol=0, atol=1e-9)
    assert rows["x_px"].mask[OFF_FRAME[1], OFF_FRAME[0]]
    assert str(rows["raw_flux_r"].unit) == "adu"


def test_the_fits_file_says_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "curves.fits"
    write_fits(path, made_curves(), SEQUENCE_ID)
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus[0].header["SEQID"] == SEQUENCE_ID
        assert "quality 16: cloud" in str(hdus[0].header["COMMENT"])
        header = hdus["CURVES"].header
        described = [header[f"TCOMM{number}"] for number in range(3, header["TFIELDS"] + 1)]
        assert described == [column.description for column in MEASUREMENT_COLUMNS]
    assert path.stat().st_size % 2880 == 0


def test_a_row_for_each_star_that_is_on_a_frame() -> None:
    rows = star_rows(made_curves(), SEQUENCE_ID, np.array([0, 4, 7, 11, 15]))
    by_star = {int(row["picid"]): row for group in rows for row in group}
    assert sorted(by_star) == sorted(PICIDS[:-1].tolist())
    assert by_star[471011144]["catalog"] == b"tic"
    assert by_star[471011144]["quality"] == Quality.CLOUD | Quality.OUTLIER
    second = by_star[2**61 + 1]
    assert (second["first_row"], second["n_frames"], second["n_good"]) == (4, 3, 3)
    assert second["first_time"] == START
    assert second["last_time"] == START + np.timedelta64(450, "s")
    assert "scatter" not in (by_star[7].dtype.names or ())
    assert by_star[8]["scatter"] == pytest.approx(0.03)


def test_figures_of_the_set() -> None:
    curves = made_curves()
    assert n_stars(curves) == 4
    assert photon_limit_ratio(curves) == pytest.approx(1.15)
