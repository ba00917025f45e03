"""An image that is uploaded again under another field keeps the products of the new path alone."""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.films import Tried, record_film
from panoptes_network.ids import replace_suffix
from panoptes_network.operations.report import Report
from panoptes_network.operations.sweep_superseded import sweep_superseded
from panoptes_network.provenance import Origin
from panoptes_network.storage import StoredObject, find
from tests.service.support.functions import Network
from tests.service.support.operations import ask, change, rows
from tests.service.support.raw_frames import SMALL, cr2_frames, names, send
from tests.service.support.web_services import create_app, get

[(FRAME, CR2)] = cr2_frames()
RIGHT = FRAME.object_path.path
WRONG = RIGHT.replace("M42", "Wrong Field")
WRONG_FOLDER, RIGHT_FOLDER = (path.rpartition("/")[0] + "/" for path in (WRONG, RIGHT))
IMAGE_ID = SMALL.image_id(0)
CONVERTERS = ("cf-make-fits", "cf-make-jpg", "cf-make-rgb-fits")
STRANGER = f"{WRONG_FOLDER}20180812T083000_r.fits.fz"
"""An object in the place of a product that nobody made of this image."""


def fits_file() -> bytes:
    buffer = BytesIO()
    FRAME.hdus().writeto(buffer)
    return buffer.getvalue()


class Pipeline:
    """The services on the way of an image, all but the plate solver."""

    def __init__(self, network: Network, function: Callable[[str], FlaskClient], db: Engine):
        self.network, self.db = network, db
        services = (*CONVERTERS, "cf-header-to-db", "cf-operations")
        self.clients = {service: function(service) for service in services}

    def deliver(self, path: str, generation: int) -> None:
        """Bring the event of an upload to all services that wait for it."""
        is_cr2 = path.endswith(".cr2")
        for service in CONVERTERS if is_cr2 else ["cf-make-jpg"]:
            send(self.clients[service], path, generation=generation)
        fits = replace_suffix(path, ".fits.fz") if is_cr2 else path
        if self.network.bucket.get_blob(fits) is not None:
            send(self.clients["cf-header-to-db"], fits)

    def solve(self) -> None:
        """Write the solved file that a plate solver would, and its row."""
        image = self.image()
        path = replace_suffix(image["bucket_path"], ".fits.fz")
        self.make(path, Origin(IMAGE_ID, image["bucket_path"], image["generation"]).metadata)
        change(
            self.db, "UPDATE images SET state = 'sources_extracted', solved_path = :path", path=path
        )

    def make(self, path: str, metadata: dict[str, str]) -> StoredObject:
        blob = self.network.processed.blob(path)
        blob.metadata = metadata
        blob.upload_from_string(b"product")
        return find(self.network.processed.name, path)

    def image(self) -> dict[str, Any]:
        [row] = rows(self.db, "SELECT * FROM images")
        return row

    def sweep(self) -> int:
        """Sweep until nothing is left to delete; return how many objects were."""
        answer = ask(self.clients["cf-operations"], "/sweep")
        assert (answer["sent"], answer["failed"], answer["balance"]["lost"]) == (0, 0, 0)
        assert rows(self.db, "SELECT * FROM superseded_objects") == []
        return int(answer["products_deleted"])


@pytest.fixture
def pipeline(
    chain: Network,
    function: Callable[[str], FlaskClient],
    db: Engine,
    set_env: Callable[..., None],
) -> Pipeline:
    set_env(SWEEP_GRACE_S=0.0001, SWEEP_LEASE_S=0.0001)
    return Pipeline(chain, function, db)


@pytest.mark.parametrize(
    ("suffixes", "order"),
    [
        ((".cr2", ".cr2"), (WRONG, RIGHT)),
        ((".cr2", ".cr2"), (RIGHT, WRONG, RIGHT)),
        ((".fits", ".fits"), (WRONG, RIGHT, WRONG)),
        ((".cr2", ".fits"), (RIGHT, WRONG)),
        ((".cr2", ".fits"), (WRONG, RIGHT)),
    ],
)
def test_only_the_newest_path_is_left(
    pipeline: Pipeline, suffixes: tuple[str, str], order: tuple[str, ...]
) -> None:
    network = pipeline.network
    wrong, right = (
        replace_suffix(path, suffix) for path, suffix in zip((WRONG, RIGHT), suffixes, strict=True)
    )
    pipeline.make(STRANGER, {})
    uploads = {}
    for path, name in ((WRONG, wrong), (RIGHT, right)):
        data = CR2 if name.endswith(".cr2") else fits_file()
        uploads[path] = (name, network.upload(name, data))
    for path in order:
        pipeline.deliver(*uploads[path])
        pipeline.solve()
    raw = names(network.bucket)
    pipeline.sweep()
    # What lies in the raw bucket still, or is announced late, brings nothing back.
    pipeline.deliver(*uploads[WRONG])
    pipeline.sweep()
    assert {path for path in names(network.processed) if "Wrong" in path} == {STRANGER}
    assert names(network.bucket) == raw
    assert network.processed.get_blob(replace_suffix(RIGHT, ".jpg")) is not None
    assert pipeline.image()["bucket_path"].startswith(RIGHT_FOLDER)
    [sequence] = rows(pipeline.db, "SELECT field FROM sequences")
    assert sequence["field"] == "M42"
    api = create_app("observations-data").test_client()
    for path in (f"/images/{IMAGE_ID}", f"/observations/{IMAGE_ID}"):
        said = get(api, path)
        said.pop("fact_changes", None)
        assert "Wrong" not in str({**said, "events": None}), path
    kinds = {row["kind"] for row in rows(pipeline.db, "SELECT kind FROM image_files")}
    of_cr2 = {"cr2", "red", "green", "blue"} if suffixes[1] == ".cr2" else set()
    assert kinds == {"picture", "preview", "thumbnail"} | of_cr2


def test_a_path_that_is_taken_again_keeps_its_products(pipeline: Pipeline) -> None:
    for path in (WRONG, RIGHT, WRONG):
        pipeline.deliver(path, pipeline.network.upload(path, CR2))
        pipeline.solve()
    there = {path for path in names(pipeline.network.processed) if path.startswith(WRONG_FOLDER)}
    assert len(there) == 7
    assert pipeline.sweep() == 7  # those of the right field
    assert set(names(pipeline.network.processed)) == there


def test_nothing_goes_before_a_lease_has_passed_nor_in_a_dry_run(
    pipeline: Pipeline, set_env: Callable[..., None]
) -> None:
    for path in (WRONG, RIGHT):
        pipeline.deliver(path, pipeline.network.upload(path, CR2))
        pipeline.solve()
    before = names(pipeline.network.processed)
    assert ask(pipeline.clients["cf-operations"], "/sweep", dry_run=True)["products_deleted"] == 7
    set_env(SWEEP_LEASE_S=900)
    report = Report()
    sweep_superseded(report)
    assert (report.products_deleted, names(pipeline.network.processed)) == (0, before)
    assert len(rows(pipeline.db, "SELECT * FROM superseded_objects")) == 7


def test_what_was_just_written_stays_until_a_lease_has_passed(
    pipeline: Pipeline, set_env: Callable[..., None]
) -> None:
    film = pipeline.make(f"{WRONG_FOLDER}film.mp4", {"sequence-id": IMAGE_ID})
    change(
        pipeline.db,
        "INSERT INTO superseded_objects VALUES (:bucket, :path, :subject, '2026-01-01')",
        bucket=film.bucket,
        path=film.path,
        subject=IMAGE_ID,
    )
    set_env(SWEEP_LEASE_S=900)
    sweep_superseded(Report())
    assert film.path in names(pipeline.network.processed)
    set_env(SWEEP_LEASE_S=0.0001)
    sweep_superseded(Report())
    assert film.path not in names(pipeline.network.processed)


def test_a_film_leaves_its_old_path(pipeline: Pipeline) -> None:
    network, sequence_id = pipeline.network, IMAGE_ID
    pipeline.deliver(RIGHT, network.upload(RIGHT, CR2))
    pipeline.solve()
    films = [
        pipeline.make(f"{folder}20180812T083000.mp4", {"sequence-id": sequence_id})
        for folder in (WRONG_FOLDER, RIGHT_FOLDER)
    ]
    late = pipeline.make(f"{WRONG_FOLDER}late.mp4", {"sequence-id": sequence_id})
    made = [(1, films[0]), (2, films[1]), (2, films[1]), (1, late)]
    for generation, film in made:
        record = partial(record_film, sequence_id=sequence_id, film=film, frames=3)
        run_transaction(partial(record, tried=Tried(3, generation)))
    assert pipeline.sweep() == 2
    left = {path for path in names(network.processed) if path.endswith(".mp4")}
    assert left == {films[1].path}
    [row] = rows(pipeline.db, "SELECT film_path FROM sequences")
    assert row["film_path"] == films[1].path


def test_no_raw_object_is_ever_deleted(pipeline: Pipeline) -> None:
    path = replace_suffix(RIGHT, ".fits")
    generation = pipeline.network.upload(path, fits_file())
    blob = pipeline.network.bucket.blob(path)
    blob.metadata = Origin("PAN001_14d3bd_20180812T084000", path, generation).metadata
    blob.patch()
    change(
        pipeline.db,
        "INSERT INTO superseded_objects VALUES (:bucket, :path, :subject, now())",
        bucket=settings().raw_bucket,
        path=path,
        subject="PAN001_14d3bd_20180812T084000",
    )
    sweep_superseded(Report())
    assert list(names(pipeline.network.bucket)) == [path]
