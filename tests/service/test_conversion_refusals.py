"""The converters, given files that are no CR2: each is refused in words, none does harm."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.service import bad_cr2
from tests.service.functions import Network, only, push, refused, tables
from tests.service.raw_frames import SMALL, cr2_frames, names

CONVERTERS = ("cf-make-fits", "cf-make-rgb-fits", "cf-make-jpg")
[(FRAME, CR2)] = cr2_frames()
PATH = FRAME.object_path.path
IMAGE_ID = SMALL.image_id(0)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("service", CONVERTERS)
@pytest.mark.parametrize("name", bad_cr2.FILES)
def test_a_bad_file_ends_with_its_reason(
    network: Network,
    function: Callable[[str], FlaskClient],
    db: Engine,
    temporary: Path,
    service: str,
    name: str,
) -> None:
    make, reason = bad_cr2.FILES[name]
    network.upload(PATH, make())
    client = function(service)
    status = 413 if reason == "too_large" else 422
    code, words = refused(client.post("/", json={"bucket_path": PATH}), status)
    assert code == reason, words
    assert client.post("/", json=push({"bucket_path": PATH})).status_code == 200
    only(tables(db)["images"], image_id=IMAGE_ID, state="error", reason_code=reason, reason=words)
    only(tables(db)["image_events"], service=service, reason_code=reason, bucket_path=PATH)
    assert list(temporary.iterdir()) == []
    assert names(network.processed) == {}
