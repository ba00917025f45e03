"""Storage that accepts connections and answers nothing: readers are told so, others go on."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from threading import Thread

import pytest
import requests
import waitress
from flask.testing import FlaskClient
from sqlalchemy import Engine

from observations_data import file_storage
from observations_data.http.file_stream import CHUNK_BYTES
from panoptes_network import storage as object_storage
from panoptes_network.states import FileKind
from tests.conftest import forget_storage_client
from tests.service.support.functions import asks_to_come_again
from tests.service.support.hanging import HangingServer, hanging
from tests.service.support.web_services import (
    add_observation,
    create_app,
    get,
    rows,
)

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n"
OBJECT = {
    "bucket": "panoptes-processed",
    "name": "x.jpg",
    "generation": "7",
    "size": str(3 * CHUNK_BYTES),
}


@pytest.fixture
def picture(db: Engine) -> str:
    """Address of a picture that the database knows."""
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{"files": {FileKind.PICTURE: 9}}])
    found = get(create_app("observations-data").test_client(), f"/observations/{sequence_id}")
    return str(found["images"][0]["files"]["picture"]["url"])


@pytest.fixture
def storage() -> Iterator[HangingServer]:
    with hanging() as server:
        yield server


Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def data_service(db: Engine, set_env: Callable[..., None]) -> Iterator[Serve]:
    """Serve observations-data over a storage, with 16 threads as in the cloud."""

    @contextmanager
    def serve(storage: HangingServer, file_timeout_s: float) -> Iterator[str]:
        address = f"http://127.0.0.1:{storage.port}"
        set_env(STORAGE_EMULATOR_HOST=address, FILE_TIMEOUT_S=file_timeout_s)
        forget_storage_client()
        app = create_app("observations-data")
        server = waitress.create_server(app, host="127.0.0.1", port=0, threads=16)
        Thread(target=server.run, daemon=True).start()
        yield f"http://127.0.0.1:{server.effective_port}"
        server.task_dispatcher.shutdown()
        server.close()

    yield serve
    forget_storage_client()


def test_files_and_pictures_are_answered_503(
    storage: HangingServer, picture: str, set_env: Callable[..., None], data_service: Serve
) -> None:
    with data_service(storage, 0.3) as data:
        answer = requests.get(data + picture, timeout=60)
        assert answer.status_code == 503
        assert "storage is unavailable" in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0
        set_env(OBSERVATIONS_DATA_URL=data)
        shown = create_app("observations-explorer").test_client().get(picture)
        assert shown.status_code == 503
        assert int(shown.headers["Retry-After"]) > 0


def test_those_who_wait_for_storage_leave_room_for_others(
    storage: HangingServer, picture: str, data_service: Serve
) -> None:
    with data_service(storage, 300) as data, ThreadPoolExecutor(30) as pool:
        asked = [pool.submit(requests.get, data + picture, timeout=280) for _ in range(30)]
        # All but those who wait are sent away, and these wait on.
        while sum(one.done() for one in asked) < 30 - file_storage.MAX_CALLS:
            wait(asked, timeout=0.1)
        assert requests.get(f"{data}/units", timeout=60).status_code == 200
        assert requests.get(f"{data}/health", timeout=60).status_code == 200
        away = [one.result() for one in asked if one.done()]
        assert len(away) == 30 - file_storage.MAX_CALLS
        assert {(one.status_code, one.headers["Retry-After"]) for one in away} == {(503, "10")}
        storage.close()
        assert {one.result().status_code for one in asked} == {503}


def whole(media_type: str, body: bytes) -> bytes:
    return HEAD.format(media_type, len(body)).encode() + body


def test_a_file_that_stalls_in_the_middle_ends(picture: str, data_service: Serve) -> None:
    metadata = whole("application/json", json.dumps(OBJECT).encode())
    half = HEAD.format("image/jpeg", CHUNK_BYTES).encode() + b"half"
    with hanging(metadata, half) as storage, data_service(storage, 0.3) as data:
        assert requests.get(data + picture, timeout=60).status_code == 503
    first = whole("image/jpeg", b"x" * CHUNK_BYTES)
    with hanging(metadata, first, half) as storage, data_service(storage, 4) as data:
        answer = requests.get(data + picture, timeout=60, stream=True)
        assert answer.status_code == 200
        with pytest.raises(requests.RequestException, match=r"IncompleteRead|Connection broken"):
            _ = answer.content
        # Nothing but the object: a service may not look up the bucket.
        assert len(storage.asked) == 3
        assert all("/o/" in line for line in storage.asked)


def test_a_function_gives_up_before_the_platform_does(
    storage: HangingServer,
    function: Callable[[str], FlaskClient],
    set_env: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_storage, "PATIENT", object_storage.Patience(1, 0.3, 0.3))
    set_env(STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{storage.port}")
    forget_storage_client()
    path = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits"
    answer = function("cf-image-received").post("/", json={"bucket_path": path})
    assert asks_to_come_again(answer)
    forget_storage_client()
