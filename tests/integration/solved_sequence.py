"""A small simulated sequence as the plate solver leaves it: solved files, rows, a catalog."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from google.cloud.storage import Client
from sqlalchemy import Engine, text

from panoptes_network.catalog.formats import open_stars
from panoptes_network.catalog.load import Limits, load
from panoptes_network.config import settings
from panoptes_network.frames.frame import Frame as Pixels
from panoptes_network.provenance import Origin
from plate_solver.solved_file import write_solved
from simulator import Frame, Observation
from simulator.catalog_csv import write_catalog_csv
from simulator.frame import render_frame
from tests.integration.solver import Solver

FIELD = Observation(width=400, height=300, count=4, seed=13)
SEQUENCE_ID = FIELD.image_id(0)


@dataclass(frozen=True)
class SolvedFile:
    """A frame's own file and the solved one."""

    frame: Frame
    raw: Path
    solved: Path


def solved_files(observation: Observation, folder: Path) -> Iterator[SolvedFile]:
    """Render the frames, and solve them by the simulator's own projection."""
    for index in range(observation.count):
        frame = render_frame(observation, index)
        raw, own = frame.write(folder), folder / f"solved {frame.data.shape} {index}"
        own.mkdir()
        solved = write_solved(raw, Pixels(frame.data), frame.truth.wcs, {}, own)
        yield SolvedFile(frame, raw, solved)


@dataclass(frozen=True)
class Sequence:
    """The surroundings of a worker of light curves: a database and two buckets."""

    solver: Solver

    @property
    def db(self) -> Engine:
        return self.solver.db

    @property
    def client(self) -> Client:
        return self.solver.client

    def add(self, files: Iterable[SolvedFile]) -> None:
        """Have frames arrive and be solved."""
        for file in files:
            self.add_one(file)

    def add_one(self, file: SolvedFile, solved: bytes | None = None) -> str:
        """Have a frame arrive and be solved, to other bytes than its own; return its id."""
        path = file.frame.object_path.path
        image = self.solver.upload(path, file.raw)
        blob = self.client.bucket(settings().processed_bucket).blob(path)
        blob.metadata = Origin(image.image_id, path, image.generation).metadata
        blob.upload_from_string(solved or file.solved.read_bytes())
        self.change(
            "UPDATE images SET state = 'sources_extracted', solved_path = :path"
            " WHERE image_id = :id",
            path=path,
            id=image.image_id,
        )
        return image.image_id

    def put_result(self, name: str) -> str:
        """Have the sequence an earlier result, of no frame; return its file's path."""
        path = f"{FIELD.object_path(0).path.rpartition('/')[0]}/{name}_light_curves_0.parquet"
        blob = self.client.bucket(settings().processed_bucket).blob(path)
        blob.metadata = {"sequence-id": SEQUENCE_ID}
        blob.upload_from_string(b"earlier")
        self.change(
            "INSERT INTO light_curve_sets (sequence_id, images, generation, parquet_path, made_at)"
            " VALUES (:id, 0, 0, :path, now())",
            id=SEQUENCE_ID,
            path=path,
        )
        return path

    def change(self, statement: str, **values: object) -> None:
        with self.db.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.db.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    def made(self) -> dict[str, Any]:
        """Return the row of the sequence's light curves."""
        [row] = self.rows("SELECT * FROM light_curve_sets")
        return row

    def objects(self) -> set[str]:
        """Return the names of the files of light curves in the processed bucket."""
        blobs = self.client.list_blobs(settings().processed_bucket)
        return {blob.name for blob in blobs if "_light_curves_" in blob.name}


def load_field(folder: Path, observation: Observation = FIELD, faintest_mag: float = 14.5) -> None:
    """Load the stars of a field as the TIC has them."""
    path = folder / "stars.csv.gz"
    write_catalog_csv(path, observation, faintest_mag)
    load(open_stars(path), Limits(), lambda _: None)


def of_size(width: int, height: int, count: int) -> Observation:
    """Return the field's observation with frames of another size."""
    return replace(FIELD, width=width, height=height, count=count)
