"""The guard before the local storage server, with the real server and Google's client."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client

from local import storage
from local.storage_guard import hidden_address
from tests.conftest import free_port, serving

BIG = os.urandom(9 * 2**20)
BUCKET = "guarded"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a storage server and its guard; return the guard's address."""
    host, hidden = hidden_address()
    port, folder = free_port(), tmp_path_factory.mktemp("storage")
    server = storage.server_command(Path(folder), hidden, "test", host=host, public_port=port)
    guard = [sys.executable, "-m", "local.storage_guard", f"--port={port}"]
    guard += [f"--backend=http://{host}:{hidden}"]
    with ExitStack() as stack:
        stack.enter_context(serving(server, lambda: storage.is_ready(hidden, host)))
        stack.enter_context(serving(guard, lambda: storage.is_ready(port)))
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def bucket(guarded: str) -> Iterator[Bucket]:
    client = Client("test", AnonymousCredentials(), client_options={"api_endpoint": guarded})
    yield client.create_bucket(BUCKET)
    client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:4443"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_pages_are_refused(
    guarded: str, bucket: Bucket, method: str, headers: dict[str, str]
) -> None:
    bucket.blob("kept").upload_from_string("kept")
    url = f"{guarded}/storage/v1/b/{BUCKET}/o/kept"
    answer = requests.request(method, url, headers=headers, timeout=10)
    assert answer.status_code == (421 if "Host" in headers else 403)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert bucket.blob("kept").download_as_bytes() == b"kept"


def test_programs_see_no_trace_of_the_pages_rights(guarded: str, bucket: Bucket) -> None:
    answer = requests.get(f"{guarded}/storage/v1/b/{BUCKET}", timeout=10)
    assert answer.ok
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_resumable_uploads_and_ranges_pass(bucket: Bucket) -> None:
    blob = bucket.blob("PAN001/M 42/a+b é.cr2", chunk_size=2**20)  # in nine requests
    blob.upload_from_string(BIG, content_type="image/x-canon-cr2")
    digest = hashlib.sha256(blob.download_as_bytes()).digest()
    assert digest == hashlib.sha256(BIG).digest()
    assert blob.download_as_bytes(start=5, end=1004) == BIG[5:1005]
    assert [found.name for found in bucket.list_blobs(prefix="PAN001/M 42/")] == [blob.name]


def test_what_is_packed_stays_packed(bucket: Bucket) -> None:
    blob = bucket.blob("packed.fits")
    blob.content_encoding = "gzip"
    blob.upload_from_string(BIG[:1000])
    assert blob.download_as_bytes(raw_download=True) == BIG[:1000]


def test_an_object_is_created_once(bucket: Bucket) -> None:
    blob = bucket.blob("once")
    blob.upload_from_string("first", if_generation_match=0)
    with pytest.raises(Exception, match="412"):
        blob.upload_from_string("second", if_generation_match=0)
    assert blob.download_as_bytes() == b"first"


def test_a_server_that_is_away_is_503() -> None:
    port = free_port()
    guard = [sys.executable, "-m", "local.storage_guard", f"--port={port}"]
    guard += [f"--backend=http://127.0.0.1:{free_port()}"]
    url = f"http://127.0.0.1:{port}/storage/v1/b"

    def answers() -> bool:
        try:
            return requests.get(url, timeout=5).status_code == 503
        except requests.ConnectionError:
            return False

    with serving(guard, answers):
        assert requests.get(url, timeout=5).headers["Retry-After"] == "1"
