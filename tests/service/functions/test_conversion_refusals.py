"""The converters, given files that are no CR2: each is refused in words, none does harm."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.processing import isolation
from tests.memory import forget_peak, peak_bytes
from tests.service.support import bad_cr2
from tests.service.support.functions import Network, only, push, refused, tables
from tests.service.support.raw_frames import SMALL, cr2_frames, names, read_fits, send

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


@pytest.mark.parametrize("service", CONVERTERS)
def test_a_good_file_is_converted_after_all_bad_ones_and_memory_stays_below_its_limit(
    network: Network, function: Callable[[str], FlaskClient], db: Engine, service: str
) -> None:
    client = function(service)
    before = forget_peak()
    for name, (make, _) in bad_cr2.FILES.items():
        network.upload(PATH, make())
        status = client.post("/", json={"bucket_path": PATH}).status_code
        assert status in (413, 422), name
    network.upload(PATH, CR2)
    assert send(client, PATH)["made"] is True
    assert isolation.run(peak_bytes, 60) < 1_500_000_000
    # Beside that, whoever asks for the conversion; what tests before it took is not its own.
    assert peak_bytes() - before < 500_000_000


def test_absurd_dates_are_left_out_and_the_file_is_taken(
    network: Network, function: Callable[[str], FlaskClient], db: Engine
) -> None:
    network.upload(PATH, CR2.replace(b"2018:08:12 08:30:34", b"9999:99:99 99:99:99"))
    send(function("cf-make-fits"), PATH)
    fits_path = PATH.replace(".cr2", ".fits.fz")
    _, header = read_fits(network.bucket.get_blob(fits_path))
    assert "DATE-OBS" not in header
    assert header["DATE-BEG"] == "2018-08-12T08:30:00"
    send(function("cf-header-to-db"), fits_path)
    only(tables(db)["images"], image_id=IMAGE_ID, state="metadata_received")


@pytest.mark.parametrize("service", CONVERTERS)
def test_two_at_once_make_one_set(
    network: Network, function: Callable[[str], FlaskClient], db: Engine, service: str
) -> None:
    network.upload(PATH, CR2)
    application = function(service).application

    def ask(_: int) -> int:
        answer = application.test_client().post("/", json={"bucket_path": PATH})
        return answer.status_code

    with ThreadPoolExecutor(3) as threads:
        statuses = list(threads.map(ask, range(3)))
    # Who finds that another has written meanwhile is told to come again, and has nothing to do.
    assert set(statuses) <= {200, 503}
    made = names(network.processed) | names(network.bucket)
    assert send(application.test_client(), PATH)["made"] is False
    assert names(network.processed) | names(network.bucket) == made
    rows = tables(db)["image_files"]
    assert rows
    assert {row["path"]: row["generation"] for row in rows}.items() <= made.items()
