"""The Parquet file of a sequence's light curves: what is written is read, star by star."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pyarrow import parquet

from panoptes_network.byte_ranges import ranges_of
from panoptes_network.errors import TransientError
from panoptes_network.light_curves.parquet_file import (
    ROWS_PER_GROUP,
    SCHEMA,
    LightCurveWriter,
    read_footer,
    read_rows,
)
from panoptes_network.light_curves.schema import (
    FRAME_COLUMNS,
    MEASUREMENT_COLUMNS,
    PARQUET_COLUMNS,
    Column,
)

N_FRAMES, N_STARS = 400, 130
GAIA_ID = 5_853_498_713_190_525_696
START = np.datetime64(datetime(2018, 10, 11, 8), "us")  # noqa: DTZ001 - numpy has UTC without zone
Arrays = dict[str, NDArray[Any]]


def _values(column: Column, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[Any]:
    if column.arrow_type == "string":
        return np.array([f"PAN001_14d3bd_{index}" for index in range(shape[0])])
    if column.arrow_type.startswith("timestamp"):
        return START + np.arange(shape[0]) * np.timedelta64(150, "s")
    if column.arrow_type == "int32":
        return rng.integers(0, 128, shape).astype(np.int32)
    return rng.normal(1, 0.01, shape)


@pytest.fixture(scope="module")
def written() -> tuple[Arrays, Arrays, Arrays, NDArray[np.bool_]]:
    """Frames, stars and measurements of a sequence, and which stars are in which frames."""
    rng = np.random.default_rng(13)
    frames = {column.name: _values(column, (N_FRAMES,), rng) for column in FRAME_COLUMNS}
    stars = {
        "picid": GAIA_ID + np.arange(N_STARS),
        "catalog": np.full(N_STARS, "gaia"),
        "ra_deg": rng.uniform(0, 360, N_STARS),
        "dec_deg": rng.uniform(-90, 90, N_STARS),
        "gaia_mag": rng.uniform(6, 13, N_STARS),
    }
    shape = (N_STARS, N_FRAMES)
    measured = {column.name: _values(column, shape, rng) for column in MEASUREMENT_COLUMNS}
    measured["flux"][5, 7] = np.nan
    has = rng.random(shape) < 0.9
    has[11] = False
    has[5, 7] = True
    return frames, stars, measured, has


@pytest.fixture(scope="module")
def path(
    written: tuple[Arrays, Arrays, Arrays, NDArray[np.bool_]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The file of them, written in three parts."""
    path = tmp_path_factory.mktemp("curves") / "curves.parquet"
    frames, stars, measured, has = written
    with LightCurveWriter(path, frames) as writer:
        first_rows = []
        for part in (slice(0, 50), slice(50, 51), slice(51, N_STARS)):
            first_rows += writer.write(
                {name: values[part] for name, values in stars.items()},
                {name: values[part] for name, values in measured.items()},
                has[part],
            ).tolist()
    assert first_rows == [0, *np.cumsum(has.sum(axis=1)).tolist()][:-1]
    return path


def test_each_star_is_read_as_it_was_written(
    written: tuple[Arrays, Arrays, Arrays, NDArray[np.bool_]], path: Path
) -> None:
    frames, _stars, measured, has = written
    first_rows = [0, *np.cumsum(has.sum(axis=1)).tolist()]
    with path.open("rb") as file:
        read, size = ranges_of(file), path.stat().st_size
        footer = read_footer(read, size)
        for star in (0, 5, 49, 50, N_STARS - 1):
            rows = read_rows(read, size, first_rows[star], int(has[star].sum()), footer)
            assert set(rows["picid"].to_pylist()) == {GAIA_ID + star}
            assert rows["image_id"].to_pylist() == frames["image_id"][has[star]].tolist()
            moments = rows["time"].to_pandas().dt.tz_localize(None)
            assert moments.tolist() == pd.Series(frames["time"][has[star]]).tolist()
            for column in MEASUREMENT_COLUMNS:
                wanted = measured[column.name][star, has[star]]
                assert_same(rows[column.name].to_numpy(), wanted)
        assert read_rows(read, size, first_rows[11], 0, footer).num_rows == 0


def assert_same(got: NDArray[Any], wanted: NDArray[Any]) -> None:
    """Compare numbers of single precision."""
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_what_is_not_known_is_null(path: Path) -> None:
    column = parquet.read_table(path, columns=["flux"])["flux"]
    assert column.null_count == 1


def test_one_star_costs_the_footer_and_one_range(
    written: tuple[Arrays, Arrays, Arrays, NDArray[np.bool_]], path: Path
) -> None:
    *_, has = written
    size = path.stat().st_size
    asked: list[int] = []
    with path.open("rb") as file:
        read = ranges_of(file)

        def counted(start: int, length: int) -> bytes:
            asked.append(length)
            return read(start, length)

        footer = read_footer(counted, size)
        read_rows(counted, size, int(has[:99].sum()), int(has[99].sum()), footer)
    assert len(asked) == 3
    assert sum(asked) < size / 2


def test_groups_hold_whole_stars_and_few_rows(path: Path) -> None:
    footer = parquet.read_metadata(path)
    groups = [footer.row_group(index) for index in range(footer.num_row_groups)]
    assert max(group.num_rows for group in groups) <= ROWS_PER_GROUP
    picids = [
        set(parquet.ParquetFile(path).read_row_group(index, ["picid"])["picid"].to_pylist())
        for index in range(len(groups))
    ]
    assert sum(map(len, picids)) == len(set.union(*picids)) == N_STARS - 1


def test_its_columns_say_what_they_are(path: Path) -> None:
    schema = parquet.read_schema(path)
    assert schema.names == [column.name for column in PARQUET_COLUMNS] == SCHEMA.names
    assert schema.field("raw_flux_g").metadata[b"unit"] == b"adu"
    assert schema.field("time").type == pa.timestamp("us", tz="UTC")


def test_pandas_reads_the_ids_of_gaia(path: Path) -> None:
    assert pd.read_parquet(path, columns=["picid"])["picid"].max() == GAIA_ID + N_STARS - 1


def test_a_storage_that_hangs_is_no_damaged_file(path: Path) -> None:
    def away(start: int, length: int) -> bytes:
        raise TransientError("storage is unavailable")

    size = path.stat().st_size
    with path.open("rb") as file:
        footer = read_footer(ranges_of(file), size)
    with pytest.raises(TransientError):
        read_footer(away, size)
    with pytest.raises(TransientError):
        read_rows(away, size, 0, 300, footer)


def test_no_stars_are_a_file_all_the_same(
    written: tuple[Arrays, Arrays, Arrays, NDArray[np.bool_]], tmp_path: Path
) -> None:
    path = tmp_path / "none.parquet"
    LightCurveWriter(path, written[0]).close()
    assert parquet.read_table(path).num_rows == 0


def test_another_file_is_refused() -> None:
    for text in (b"", b"short", b"no Parquet" * 100, b"\xff\xff\xff\x7fPAR1" * 20):
        with pytest.raises(pa.ArrowInvalid):
            read_footer(ranges_of(io.BytesIO(text)), len(text))
