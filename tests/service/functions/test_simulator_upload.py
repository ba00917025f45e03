from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from panoptes_network import config, storage
from simulator import Observation, simulate
from simulator.cli import main

OBSERVATION = Observation(width=80, height=60, field="M 42's <sword>", ra_deg=83.8, dec_deg=-5.4)
OPTIONS = ["--size", "80", "60", "--field", "M 42's <sword>", "--ra", "83.8", "--dec", "-5.4"]


@pytest.fixture
def raw_bucket(storage_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Settings that name a bucket, not made yet, of a real storage server."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{storage_port}")
    monkeypatch.setenv("RAW_BUCKET", "simulator-raw")
    caches = (config.settings, storage.client)
    for cache in caches:
        cache.cache_clear()
    yield "simulator-raw"
    for cache in caches:
        cache.cache_clear()


def test_a_missing_bucket_is_said_in_plain_words(raw_bucket: str) -> None:
    result = CliRunner().invoke(main, ["upload", *OPTIONS])
    assert result.exit_code == 2
    assert "Error: " in result.output
    assert "20180812T083000.fits.fz" in result.output


def test_uploaded_frame_is_in_the_bucket_under_its_path(raw_bucket: str, tmp_path: Path) -> None:
    bucket = storage.client().create_bucket(raw_bucket)
    result = CliRunner().invoke(main, ["upload", *OPTIONS])
    assert result.exit_code == 0, result.output
    frame = next(simulate(OBSERVATION))
    assert f"gs://{raw_bucket}/{frame.object_path.path}" in result.output
    bucket.blob(frame.object_path.path).download_to_filename(tmp_path / "frame.fits.fz")
    np.testing.assert_array_equal(fits.getdata(tmp_path / "frame.fits.fz"), frame.data)
    assert [blob.name for blob in bucket.list_blobs()] == [frame.object_path.path]
