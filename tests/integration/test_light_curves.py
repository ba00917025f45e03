"""The light curves of a small simulated sequence, as the worker makes them with real servers."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from numpy.typing import NDArray
from pyarrow import parquet

from light_curves import products, worker
from light_curves import sequence as sequence_steps
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_sets import ClaimedError, claim_set
from panoptes_network.errors import TransientError
from panoptes_network.light_curves.schema import BAD, COLOURS, Quality
from panoptes_network.worker.tries import MAX_TRIES
from tests.integration.solved_sequence import (
    FIELD,
    SEQUENCE_ID,
    Sequence,
    SolvedFile,
    of_size,
    solved_files,
)

Files = list[SolvedFile]


def make() -> None:
    worker.make_light_curves(SEQUENCE_ID)


def test_every_star_of_every_frame_has_its_true_flux(
    sequence: Sequence, files: Files, tmp_path: Path
) -> None:
    sequence.add(files)
    make()
    made = sequence.made()
    assert (made["reason"], made["n_frames"], made["tries"]) == (None, FIELD.count, 0)
    bucket = sequence.client.bucket(settings().processed_bucket)
    for ending in ("parquet", "fits"):
        bucket.blob(made[f"{ending}_path"]).download_to_filename(tmp_path / f"curves.{ending}")
    table = parquet.read_table(tmp_path / "curves.parquet")
    stars = sequence.rows("SELECT * FROM star_light_curves")
    assert table.num_rows == sum(star["n_frames"] for star in stars)
    assert made["n_stars"] == len(stars)
    assert len(Table.read(tmp_path / "curves.fits", hdu="STARS")) >= len(stars)
    truth = files[0].frame.truth.stars
    rows = Table.from_pandas(table.to_pandas())
    rows = rows[rows["image_id"] == FIELD.image_id(0)]
    bright = truth[(truth["gaia_mag"] <= settings().light_curve_mag) & _inside(truth)]
    assert set(bright["id"].tolist()) <= set(rows["picid"].tolist())
    assert (rows["quality"] & int(Quality.NOT_DETECTED)).all(), "no source was written"
    _check_fluxes(rows, truth)


def _inside(truth: Table) -> NDArray[np.bool_]:
    x, y = np.asarray(truth["x"]), np.asarray(truth["y"])
    inside: NDArray[np.bool_] = (x > 0) & (x < FIELD.width - 1) & (y > 0) & (y < FIELD.height - 1)
    return inside


def _check_fluxes(rows: Table, truth: Table) -> None:
    spoilt = (rows["quality"] & int(BAD | Quality.CROWDED)) != 0
    rows = rows[~spoilt & (rows["gaia_mag"] < 11.5)]
    truth.add_index("id")
    assert len(rows) > 10
    for colour in COLOURS:
        true = np.asarray(truth.loc[rows["picid"].tolist()][f"flux_{colour}_adu"])
        ratio = np.asarray(rows[f"raw_flux_{colour}"]) / true
        # The scale of all is that of the PSF's wings, which so few stars and frames tell roughly.
        scale = np.median(ratio)
        assert abs(scale - 1) < 0.1
        assert np.percentile(np.abs(ratio / scale - 1), 68) < 0.1


def test_a_sequence_that_grows_is_made_again_and_the_earlier_result_stays_until_then(
    sequence: Sequence, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence.add(files[:3])
    make()
    first = sequence.made()
    make()
    assert sequence.made() == first
    sequence.add_one(files[3])

    def away(*_: object) -> None:
        raise TransientError("the database is unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(products, "commit", away)
        with pytest.raises(TransientError):
            make()
    now = sequence.made()
    assert (now["parquet_path"], now["n_frames"], now["tries"]) == (first["parquet_path"], 3, 1)
    assert {now["parquet_path"], now["fits_path"]} < sequence.objects()
    assert sequence.rows("SELECT max(n_frames) AS most FROM star_light_curves") == [{"most": 3}]
    make()
    second = sequence.made()
    assert (second["n_frames"], second["tries"]) == (4, 0)
    assert first["parquet_path"] != second["parquet_path"]
    left = {row["path"] for row in sequence.rows("SELECT path FROM superseded_objects")}
    assert {first["parquet_path"], first["fits_path"]} <= left
    assert sequence.rows("SELECT max(n_frames) AS most FROM star_light_curves") == [{"most": 4}]


def test_another_worker_leaves_it_alone(sequence: Sequence, files: Files) -> None:
    sequence.add(files[:3])
    run_transaction(partial(claim_set, sequence_id=SEQUENCE_ID))
    with pytest.raises(ClaimedError):
        make()


@pytest.mark.parametrize(("n_frames", "reason"), [(0, "no_solved_frames"), (2, "too_few_frames")])
def test_too_few_frames(sequence: Sequence, files: Files, n_frames: int, reason: str) -> None:
    sequence.add(files[:n_frames])
    if not n_frames:
        sequence.solver.upload(files[0].frame.object_path.path, files[0].raw)
        sequence.change("UPDATE images SET state = 'unsolved'")
    make()
    made = sequence.made()
    assert (made["reason_code"], made["parquet_path"], made["tries"]) == (reason, None, 0)


def test_no_catalog(sequence: Sequence, files: Files) -> None:
    sequence.add(files[:3])
    sequence.change("DELETE FROM catalog_stars")
    make()
    assert sequence.made()["reason_code"] == "no_catalog"


def test_frames_that_cannot_be_measured_are_left_out(
    sequence: Sequence, files: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sequence.add(files[:3])
    [*_, other, cut, gone] = solved_files(of_size(300, 240, 7), tmp_path)
    sequence.add_one(other)
    sequence.add_one(cut, cut.solved.read_bytes()[:-20_000])
    sequence.add_one(gone)
    bucket = sequence.client.bucket(settings().processed_bucket)
    bucket.delete_blob(gone.frame.object_path.path)
    make()
    assert (sequence.made()["n_frames"], sequence.made()["images"]) == (3, 6)
    left_out = [words for words in caplog.messages if words.startswith("left out")]
    assert "left out: it has 300x240 pixels, most have 400x300" in left_out
    assert len(left_out) == 3


def test_clouds_end_it_with_a_reason(sequence: Sequence, files: Files, tmp_path: Path) -> None:
    """Solved by their brightest stars, and yet not to be measured."""
    sequence.add(files[:3])
    sequence.change("DELETE FROM catalog_stars WHERE gaia_mag > 9")
    make()
    assert sequence.made()["reason_code"] == "too_few_sources"


def test_the_fifth_failure_ends_it(
    sequence: Sequence, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence.add(files[:3])

    def fail(*_: object) -> None:
        raise ZeroDivisionError("what nobody foresaw")

    monkeypatch.setattr(sequence_steps, "light_curves", fail)
    for _ in range(MAX_TRIES):
        with pytest.raises(ZeroDivisionError):
            make()
    assert sequence.made()["reason_code"] == "tries_exhausted"
    # What nobody foresaw is named by its type: its words may hold a statement or a path.
    assert sequence.made()["reason"].endswith("last error: ZeroDivisionError")
    make()
    assert sequence.made()["tries"] == 0
