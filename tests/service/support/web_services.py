"""The web services as the tests start them, and the rows that they are to show."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from google.api_core.exceptions import NotFound
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network import storage
from panoptes_network.database.models import Camera, Image, ImageEvent, ImageFile, Sequence, Unit
from panoptes_network.ids import CameraTime, ObjectPath
from panoptes_network.states import FileKind, ImageState
from tests.conftest import forget_storage_client

ROOT = Path(__file__).parents[3]
START = datetime(2018, 10, 11, 13, 42, 2, tzinfo=UTC)
SUFFIXES = {
    FileKind.CR2: ".cr2",
    FileKind.RED: "_r.fits.fz",
    FileKind.GREEN: "_g.fits.fz",
    FileKind.BLUE: "_b.fits.fz",
    FileKind.PICTURE: ".jpg",
    FileKind.PREVIEW: "_preview.jpg",
    FileKind.THUMBNAIL: "_thumb.jpg",
}
"""What the network calls a file of each kind, behind the image's time."""
FORBIDDEN = r"""<style|<script(?![^>]* src="/static/[^"]+"></script>)|\sstyle=|\son\w+="""
"""What the pages' policy refuses: anything inline, and scripts from elsewhere."""


def create_app(service: str) -> Flask:
    """Return a service's application; two services both call their module `main`."""
    name = f"{service.replace('-', '_')}_main"
    spec = importlib.util.spec_from_file_location(name, ROOT / service / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    app: Flask = module.create_app()
    return app


def web_command(service: str, port: int) -> list[str]:
    """Return the command of the service's README, on a loopback port."""
    program = [sys.executable, "-m", "panoptes_network.web.server"]
    return [*program, "--folder", str(ROOT / service), "--port", str(port), "--threads", "16"]


def web_environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with the shared package and `settings` in it."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "shared"), **settings}


def is_healthy(port: int) -> bool:
    """Return whether the service on `port` answers its health check."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok
    except requests.RequestException:
        return False


def get(client: FlaskClient, path: str, **parameters: str) -> Any:
    """Return the JSON that observations-data answers."""
    answer = client.get(path, query_string=parameters)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def problem(client: FlaskClient, path: str, status: int, **parameters: str) -> Any:
    """Return the problem that observations-data answers with `status`."""
    answer = client.get(path, query_string=parameters)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["status"] == status
    return answer.json


@contextmanager
def storage_at(port: int) -> Iterator[None]:
    """Lead this process's storage client to the server on `port`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        forget_storage_client()
        yield
    forget_storage_client()


def store(bucket_name: str, path: str, content: bytes) -> int:
    """Put an object into a bucket, which is made where there is none; return its generation."""
    bucket = storage.client().bucket(bucket_name)
    blob = bucket.blob(path)
    try:
        blob.upload_from_string(content)
    except NotFound:
        bucket.create()
        blob.upload_from_string(content)
    return int(blob.generation)


@contextmanager
def rows(db: Engine) -> Iterator[Session]:
    """Give a session whose rows are committed at the end."""
    with Session(db, expire_on_commit=False) as session, session.begin():
        yield session


def add_observation(
    session: Session,
    *,
    unit_id: str = "PAN001",
    camera_id: str = "14d3bd",
    start: datetime = START,
    field: str | None = "M42",
    images: list[dict[str, Any]] | None = None,
    **columns: Any,
) -> str:
    """Add an observation with further `columns`; return its id.

    Its n-th image has `images[n]` as columns; ``files`` among them are the sizes in bytes of
    its further files by kind.
    """
    sequence_id = str(CameraTime(unit_id, camera_id, start))
    session.execute(insert(Unit).values(unit_id=unit_id).on_conflict_do_nothing())
    camera = insert(Camera).values(camera_id=camera_id, unit_id=unit_id)
    session.execute(
        camera.on_conflict_do_update(index_elements=["camera_id"], set_={"unit_id": unit_id})
    )
    session.add(
        Sequence(
            sequence_id=sequence_id,
            unit_id=unit_id,
            camera_id=camera_id,
            start_time=start,
            field=field,
            exptime_s=120.0,
            iso=100,
            software="POCSv0.6.0",
            **columns,
        )
    )
    session.flush()
    for number, image in enumerate(images or []):
        time = start + timedelta(seconds=91 + 130 * number)
        _add_image(session, sequence_id, CameraTime(unit_id, camera_id, time), field, image)
    return sequence_id


def add_file(session: Session, image_id: str, kind: str, path: str, n_bytes: int = 1) -> None:
    """Add a file of an image, in the bucket that its kind belongs to."""
    session.add(
        ImageFile(
            bucket="panoptes-raw" if kind == FileKind.CR2 else "panoptes-processed",
            path=path,
            image_id=image_id,
            kind=kind,
            generation=1,
            source_path="any",
            source_generation=1,
            n_bytes=n_bytes,
        )
    )


def _add_image(
    session: Session, sequence_id: str, ids: CameraTime, field: str | None, columns: dict[str, Any]
) -> None:
    start = CameraTime.parse(sequence_id).time
    stem = str(ids).rpartition("_")[2]
    files: dict[FileKind, int] = columns.get("files", {})
    path = ObjectPath(ids.unit_id, ids.camera_id, start, stem, ".fits.fz", field).path
    given: dict[str, Any] = {
        "state": ImageState.METADATA_RECEIVED,
        "bucket": "panoptes-raw",
        "bucket_path": path,
        "generation": 1,
        **{name: value for name, value in columns.items() if name != "files"},
    }
    session.add(Image(image_id=str(ids), sequence_id=sequence_id, time=ids.time, **given))
    for kind, n_bytes in files.items():
        file_path = path.removesuffix(".fits.fz") + SUFFIXES[kind]
        add_file(session, str(ids), kind, file_path, n_bytes)
    steps = [("cf-header-to-db", "metadata_received", None, None)]
    if given["state"] != ImageState.METADATA_RECEIVED:
        end = (given["state"], given.get("reason_code"), given.get("reason"))
        steps += [("gce-plate-solver", "solving", None, None), ("gce-plate-solver", *end)]
    for service, state, code, reason in steps:
        session.add(
            ImageEvent(
                image_id=str(ids), service=service, state=state, reason_code=code, reason=reason
            )
        )
    session.flush()
