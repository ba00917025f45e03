"""What the plate solver keeps when things go wrong: earlier results, newer files, itself."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.cloud.storage import Blob
from sqlalchemy import text

from panoptes_network import config, storage
from panoptes_network.database.image_claims import Claim, StaleClaimError
from panoptes_network.errors import TransientError
from panoptes_network.events import PipelineImage
from panoptes_network.processing import isolation, workspace
from panoptes_network.worker.tries import MAX_TRIES
from plate_solver import external_programs, frame_reader, pipeline, product, worker
from plate_solver.pipeline import Stopwatch, process
from simulator import Frame, Observation, simulate
from tests.integration.solver import Solver, load_gaia

CROP = Observation(width=900, height=700, suffix=".fits.fz")
BAD_PATH = "PAN001/14d3bd/20180812T083000/20180812T090000.fits.fz"


@pytest.fixture(scope="module")
def crop() -> Frame:
    return next(iter(simulate(CROP)))


@pytest.fixture
def crop_file(crop: Frame, tmp_path: Path) -> Path:
    return crop.write(tmp_path)


@pytest.fixture
def image(solver: Solver, crop: Frame, crop_file: Path) -> PipelineImage:
    """Return an image that can be solved."""
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    return solver.upload(crop.object_path.path, crop_file)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that temporary files go to."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def again(image: PipelineImage) -> PipelineImage:
    return image.model_copy(update={"reprocess": True})


def kept(solver: Solver, image: PipelineImage) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return all that the database has of an image but the number of its last claim."""
    row = solver.image(image.image_id)
    row.pop("claim")
    return row, solver.sources(image.image_id)


def change_result(solver: Solver) -> None:
    """Leave a result that no new one can be mistaken for."""
    with solver.db.begin() as connection:
        connection.execute(text("UPDATE images SET ra_deg = 0, n_sources = 7, solved_path = 'x'"))
        connection.execute(text("DELETE FROM sources WHERE number >= 7"))


def forget_catalog(solver: Solver) -> None:
    with solver.db.begin() as connection:
        connection.execute(text("TRUNCATE catalog_stars, catalog_loads"))


def last_event(solver: Solver) -> tuple[str, str | None]:
    query = text("SELECT state, reason_code FROM image_events ORDER BY event_id DESC LIMIT 1")
    with solver.db.connect() as connection:
        state, reason = connection.execute(query).one()
    return state, reason


def solved_object(solver: Solver, image: PipelineImage) -> Blob:
    bucket = solver.client.bucket(config.settings().processed_bucket)
    return bucket.get_blob(product_path(image))


def product_path(image: PipelineImage) -> str:
    return product.find_product(image, CROP.object_path(0).sequence_id).path


def test_an_image_that_is_processed_again_has_the_new_result(
    solver: Solver, image: PipelineImage
) -> None:
    first = solver.solve(image)
    count = len(solver.sources(image.image_id))
    change_result(solver)
    second = solver.solve(again(image), "2")
    figures = ("state", "ra_deg", "n_sources", "n_matched", "solved_path", "limiting_mag")
    assert [second[name] for name in figures] == [first[name] for name in figures]
    assert len(solver.sources(image.image_id)) == count
    assert solver.states(image.image_id)[-4:] == [
        "solving",
        "solved",
        "sources_detected",
        "sources_extracted",
    ]


def test_the_earlier_result_stands_until_the_last_transaction(
    solver: Solver, image: PipelineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    solver.solve(image)
    change_result(solver)
    before = kept(solver, image)

    def fail(*_: object) -> None:
        assert kept(solver, image) == before
        raise TransientError("the database is unavailable")

    monkeypatch.setattr(pipeline, "copy_into", fail)  # when the row's new figures are written
    with pytest.raises(TransientError):
        solver.solve(again(image), "2")
    assert kept(solver, image) == before
    monkeypatch.undo()


def test_the_earlier_result_stands_where_the_new_try_ends_with_a_reason(
    solver: Solver, image: PipelineImage
) -> None:
    solver.solve(image)
    before = kept(solver, image)
    forget_catalog(solver)
    solver.solve(again(image), "2")
    assert kept(solver, image) == before
    assert last_event(solver) == ("error", "no_catalog")


def test_the_earlier_result_stands_where_tries_run_out(
    solver: Solver, image: PipelineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    solver.solve(image)
    before = kept(solver, image)
    monkeypatch.setenv("PATH", "/nowhere")
    for _ in range(MAX_TRIES):
        assert last_event(solver)[1] is None
        with pytest.raises(TransientError):
            solver.solve(again(image), "2")
    assert kept(solver, image) == before
    assert last_event(solver) == ("error", "tries_exhausted")


def test_an_unsolved_image_is_begun_anew(solver: Solver, image: PipelineImage) -> None:
    forget_catalog(solver)
    assert solver.solve(image)["reason_code"] == "no_catalog"
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    assert solver.solve(image, "2")["state"] == "error", "it has ended"
    row = solver.solve(again(image), "3")
    assert (row["state"], row["tries"], row["reason"]) == ("sources_extracted", 1, None)


def test_a_message_that_wants_it_again_counts_once(solver: Solver, image: PipelineImage) -> None:
    solver.solve(image)
    once = solver.solve(again(image), "2"), solver.sources(image.image_id)
    for _ in range(2):
        assert (solver.solve(again(image), "2"), solver.sources(image.image_id)) == once


def test_a_worker_that_was_killed_on_every_try_is_not_killed_again(
    solver: Solver, image: PipelineImage
) -> None:
    for _ in range(MAX_TRIES):
        assert worker.claim(image, "1") is not None
    row = solver.solve(image)
    assert (row["state"], row["reason_code"]) == ("error", "tries_exhausted")


def claimed(image: PipelineImage, message_id: str) -> Claim:
    claim = worker.claim(image, message_id)
    assert claim is not None
    return claim


def in_the_midst(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, happens: Callable[[], object]
) -> None:
    """Let something happen before the next call of a function, once."""
    function = getattr(module, name)

    def then_call(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(module, name, function)
        happens()
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, then_call)


@pytest.mark.parametrize(
    ("module", "name"),
    [(pipeline, "write_solved"), (storage, "upload")],
    ids=["before the claim is verified", "behind that"],
)
def test_a_worker_that_wakes_up_late_does_not_overwrite_the_newer_file(
    solver: Solver,
    image: PipelineImage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
) -> None:
    late = claimed(image, "1")
    in_the_midst(monkeypatch, module, name, lambda: solver.solve(image, "2"))
    with pytest.raises(StaleClaimError):
        process(image, late, tmp_path, Stopwatch())
    solved = solved_object(solver, image)
    assert solved.metadata["claim"] == str(late.number + 1)
    assert solved.metageneration == 1
    assert solver.image(image.image_id)["state"] == "sources_extracted"
    assert solver.states(image.image_id).count("solved") == 1


def test_what_a_late_worker_has_just_written_gives_way_to_the_next_try(
    solver: Solver, image: PipelineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        bucket = solver.client.bucket(config.settings().processed_bucket)
        bucket.blob(product_path(image)).upload_from_string(b"by an older claim")

    in_the_midst(monkeypatch, storage, "upload", write)
    with pytest.raises(TransientError, match="another process"):
        solver.solve(image)
    assert solver.solve(image)["state"] == "sources_extracted"
    solved = solved_object(solver, image)
    assert solved.metadata == {
        "image-id": image.image_id,
        "raw-path": image.bucket_path,
        "raw-generation": str(image.generation),
        "claim": "2",
    }


def test_a_write_whose_answer_was_lost_is_a_write(
    solver: Solver, image: PipelineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = storage.upload

    def lose_answer(*args: Any, **kwargs: Any) -> None:
        upload(*args, **kwargs)
        upload(*args, **kwargs)  # as the client does, unasked

    monkeypatch.setattr(storage, "upload", lose_answer)
    assert solver.solve(image)["state"] == "sources_extracted"


def crash(source: Path, target: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hog(source: Path, target: Path) -> None:
    np.ones(isolation.MEMORY_LIMIT_BYTES // 8 + 1)


def hang(source: Path, target: Path) -> None:
    signal.pause()


def fill_disk(source: Path, target: Path) -> None:
    target.write_bytes(b"half of the pixels")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("harm", "reason"), [(crash, "damaged_file"), (hog, "too_large")])
def test_a_file_that_brings_its_reader_down_ends_and_the_next_is_solved(
    solver: Solver,
    image: PipelineImage,
    crop_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path, Path], None],
    reason: str,
) -> None:
    monkeypatch.setattr(frame_reader, "unpack", harm)
    bad = solver.solve(solver.upload(BAD_PATH, crop_file))
    assert (bad["state"], bad["reason_code"]) == ("error", reason)
    monkeypatch.undo()
    assert solver.solve(image)["state"] == "sources_extracted"


def test_a_reader_that_hangs_is_ended(
    solver: Solver, image: PipelineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "unpack", hang)
    monkeypatch.setattr(frame_reader, "TIME_LIMIT_S", 1)
    with pytest.raises(TransientError, match="not be processed within"):
        solver.solve(image)
    monkeypatch.undo()
    assert solver.solve(image)["state"] == "sources_extracted"


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (storage, "download", no_space),
        (frame_reader, "unpack", fill_disk),
        (pipeline, "write_solved", no_space),
    ],
)
def test_a_full_disk_passes_and_leaves_nothing(
    solver: Solver,
    image: PipelineImage,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    fault: Callable[..., None],
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fault)
        with pytest.raises(TransientError, match="disk is full"):
            solver.solve(image)
    assert list(temporary.iterdir()) == []
    assert solver.solve(image)["state"] == "sources_extracted"


def test_a_program_that_fails_on_a_full_disk_is_no_verdict_on_the_sky(
    solver: Solver, image: PipelineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solver that could not write says that nothing was solved."""
    forget_catalog(solver)
    monkeypatch.setattr(workspace, "_FULL_BYTES", 2**62)
    with pytest.raises(TransientError, match="disk is full"):
        solver.solve(image)
    assert solver.image(image.image_id)["state"] == "solving"


def test_programs_that_need_more_than_they_may_have_are_tried_again(
    solver: Solver, image: PipelineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    external_programs.versions()
    with monkeypatch.context() as patch:
        patch.setattr(external_programs, "FILE_LIMIT_BYTES", 1000)
        with pytest.raises(TransientError, match=r"source-extractor failed"):
            solver.solve(image)
    assert solver.solve(image)["state"] == "sources_extracted"


def test_the_log_names_each_stage_as_it_begins(
    solver: Solver, image: PipelineImage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger=worker.SERVICE)
    solver.solve(image)
    begun = [vars(record) for record in caplog.records if record.message == "stage"]
    assert [line["stage"] for line in begun] == [
        "download", "read", "detect", "solve", "catalog", "refit", "upload", "match", "forced",
        "stamps", "database",
    ]  # fmt: skip
    assert {line["image_id"] for line in begun} == {image.image_id}
