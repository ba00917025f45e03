"""A camera's flats in a real bucket and database: sums, versions, and what is used of them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

from light_curves.flats.flat import FlatSums
from light_curves.flats.flat_files import MIN_GROWTH, merge, newest_flat, read_sums, write_sums
from panoptes_network.config import settings
from panoptes_network.errors import TransientError
from panoptes_network.frames.bayer import BLACK_LEVEL_ADU
from tests.integration.solver import Solver

SHAPE = 220, 260
RESPONSE = 0.02
NIGHTS = [f"PAN001_14d3bd_2018081{night}T083000" for night in range(1, 6)]


@pytest.fixture(scope="module")
def sensitivity() -> NDArray[np.float64]:
    return 1 + RESPONSE * np.random.default_rng(9).standard_normal(SHAPE)


def sums_of(sequence_id: str, sensitivity: NDArray[np.float64], count: int) -> FlatSums:
    """Return the sums of frames of a bright sky without stars."""
    random = np.random.default_rng(NIGHTS.index(sequence_id))
    nothing, sums = np.zeros(SHAPE, np.bool_), FlatSums.empty(SHAPE)
    for _ in range(count):
        light = random.normal(1000 * sensitivity, 30)
        pixels = (light + BLACK_LEVEL_ADU).round().astype(np.uint16)
        sums = sums.with_frame(sequence_id, pixels, nothing)
    return sums


@pytest.fixture
def camera(solver: Solver) -> Solver:
    """Return the surroundings with a camera that has no flat yet."""
    processed = solver.client.bucket(settings().processed_bucket)
    processed.delete_blobs(list(processed.list_blobs(prefix="PAN001/14d3bd/flats/")))
    with solver.db.begin() as connection:
        connection.execute(text("INSERT INTO units (unit_id) VALUES ('PAN001')"))
        connection.execute(
            text("INSERT INTO cameras (camera_id, unit_id) VALUES ('14d3bd', 'PAN001')")
        )
    return solver


def versions(solver: Solver) -> list[tuple[int, int, int]]:
    with solver.db.connect() as connection:
        rows = connection.execute(
            text("SELECT version, n_frames, n_nights FROM camera_flats ORDER BY version")
        )
        return [tuple(row) for row in rows]


def test_versions_are_made_as_nights_come(
    camera: Solver, sensitivity: NDArray[np.float64], tmp_path: Path
) -> None:
    assert newest_flat(NIGHTS[0], SHAPE, tmp_path) is None
    first = sums_of(NIGHTS[0], sensitivity, 12)
    assert merge(NIGHTS[0], first, -155.6, tmp_path) is None  # one night alone says too little
    assert merge(NIGHTS[0], first, -155.6, tmp_path) is None
    second = sums_of(NIGHTS[1], sensitivity, 12)
    assert merge(NIGHTS[1], second, -155.6, tmp_path) == 1
    assert merge(NIGHTS[1], second, -155.6, tmp_path) is None  # once
    assert versions(camera) == [(1, 24, 2)]
    early = newest_flat(NIGHTS[4], SHAPE, tmp_path)
    assert early is not None
    # Too few more, then enough.
    few = round((MIN_GROWTH - 1) * 24) - 2
    assert merge(NIGHTS[2], sums_of(NIGHTS[2], sensitivity, few), None, tmp_path) is None
    assert merge(NIGHTS[3], sums_of(NIGHTS[3], sensitivity, 12), None, tmp_path) == 2
    assert versions(camera)[1][:2] == (2, 24 + few + 12)
    late = newest_flat(NIGHTS[4], SHAPE, tmp_path)
    assert late is not None
    left = [np.std(sensitivity / flat) for flat in (np.ones(SHAPE), early, late)]
    print("sensitivity left: without, version 1, version 2:", np.round(left, 5))
    assert left[2] < left[1] < 0.5 * left[0]


def test_a_flat_belongs_to_frames_of_its_size(
    camera: Solver, sensitivity: NDArray[np.float64], tmp_path: Path
) -> None:
    for night in NIGHTS[:2]:
        merge(night, sums_of(night, sensitivity, 12), None, tmp_path)
    assert newest_flat(NIGHTS[2], SHAPE, tmp_path) is not None
    assert newest_flat(NIGHTS[2], SHAPE[::-1], tmp_path) is None
    assert newest_flat("PAN001_ee04d1_20180811T083000", SHAPE, tmp_path) is None


def test_a_worker_that_is_slower_than_another_tries_again(
    camera: Solver,
    sensitivity: NDArray[np.float64],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two sequences of a camera at once: none is lost, and none counts twice."""
    slow, quick = (tmp_path / name for name in ("slow", "quick"))
    slow.mkdir()
    quick.mkdir()
    sums = {night: sums_of(night, sensitivity, 3) for night in NIGHTS[:2]}

    def other_is_quicker(file: Path, total: FlatSums) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("light_curves.flats.flat_files.write_sums", write_sums)
            merge(NIGHTS[1], sums[NIGHTS[1]], None, quick)
        write_sums(file, total)

    with monkeypatch.context() as patch:
        patch.setattr("light_curves.flats.flat_files.write_sums", other_is_quicker)
        with pytest.raises(TransientError):
            merge(NIGHTS[0], sums[NIGHTS[0]], None, slow)
    merge(NIGHTS[0], sums[NIGHTS[0]], None, slow)
    assert read_sums(slow / "flat_sums.fits").n_frames == {NIGHTS[1]: 3, NIGHTS[0]: 3}


def test_a_flat_that_cannot_be_read_is_done_without(
    camera: Solver, sensitivity: NDArray[np.float64], tmp_path: Path
) -> None:
    for night in NIGHTS[:2]:
        merge(night, sums_of(night, sensitivity, 12), None, tmp_path)
    bucket = camera.client.bucket(settings().processed_bucket)
    with camera.db.connect() as connection:
        path = connection.scalar(text("SELECT path FROM camera_flats"))
    damaged = bucket.blob(path)
    damaged.upload_from_string(b"no FITS")
    with camera.db.begin() as connection:
        connection.execute(
            text("UPDATE camera_flats SET generation = :now"), {"now": damaged.generation}
        )
    assert newest_flat(NIGHTS[2], SHAPE, tmp_path) is None
    damaged.delete()
    assert newest_flat(NIGHTS[2], SHAPE, tmp_path) is None
