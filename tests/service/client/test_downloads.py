"""Downloads of the scientists' client over a way that breaks: cut off, away, changed meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Lock
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import numpy as np
import pytest
from sqlalchemy import Engine

from panoptes_client import DownloadError, File, Network, NetworkError, Patience, RefusedError
from panoptes_client.download import PIECE_BYTES
from panoptes_client.tables import table_at
from panoptes_network import config
from panoptes_network.states import FileKind
from tests.service.support.functions import served
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    rows,
    storage_at,
    store,
)

QUICK = Patience(tries=3, first_wait_s=0.01, longest_wait_s=0.05)
CONTENT = np.random.default_rng(1).bytes(3_000_000)
PIECE = 8 * PIECE_BYTES


class BadWay:
    """The way to a service: it cuts off bodies, or answers itself that nobody is there.

    `cut_after` bytes, each answer with a file ends; `away` requests are answered 503. `asked`
    has method, path and the header Range of each request.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self.cut_after: int | None = None
        self.away = 0
        self.asked: list[tuple[str, str, str]] = []
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        with self._lock:
            self.asked.append((environ["REQUEST_METHOD"], path, environ.get("HTTP_RANGE", "")))
            self.away -= 1
            if self.away >= 0:
                start("503 Service Unavailable", [("Retry-After", "0"), ("Content-Length", "0")])
                return []
        answer = self.app(environ, start)
        is_cut = self.cut_after is not None and path.startswith("/files/")
        return self._cut(answer) if is_cut else answer

    def _cut(self, answer: Iterable[bytes]) -> Iterator[bytes]:
        left = self.cut_after or 0
        for piece in answer:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                break

    def ranges(self) -> list[str]:
        """Return the ranges of files that were asked for."""
        return [asked for method, path, asked in self.asked if path.startswith("/files/")]


@pytest.fixture
def way(db: Engine, storage_port: int) -> Iterator[BadWay]:
    with storage_at(storage_port):
        yield BadWay(create_app("observations-data"))


@pytest.fixture
def network(way: BadWay) -> Iterator[Network]:
    with served(way) as url, Network(url, QUICK) as network:
        yield network


@pytest.fixture
def files(db: Engine, way: BadWay, network: Network) -> list[File]:
    """A raw file, of which no size is told beforehand, and two pictures, of which one is."""
    image = {"files": {FileKind.PICTURE: len(CONTENT), FileKind.THUMBNAIL: 5}}
    with rows(db) as session:
        sequence_id = add_observation(session, images=[image])
    files = network.files(sequence_id)
    for file in files:
        put(file, CONTENT[:5] if file.kind == FileKind.THUMBNAIL else CONTENT)
    way.asked.clear()
    return files


def put(file: File, content: bytes) -> None:
    store(getattr(config.settings(), f"{file.bucket}_bucket"), file.path, content)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def test_whole_files_by_their_own_paths(
    network: Network, files: list[File], tmp_path: Path
) -> None:
    told: dict[str, tuple[int, int]] = {}

    def progress(file: File, there: int, size: int) -> None:
        told[file.kind] = (there, size)

    done = network.download([*files, files[0]], tmp_path, progress=progress)
    assert done == [tmp_path / file.bucket / file.path for file in files]
    assert [path.read_bytes() for path in done] == [CONTENT, CONTENT, CONTENT[:5]]
    assert told == {"raw": (3_000_000,) * 2, "picture": (3_000_000,) * 2, "thumbnail": (5, 5)}
    assert leftovers(tmp_path) == []


def test_what_is_there_is_not_fetched_again(
    network: Network, way: BadWay, files: list[File], tmp_path: Path
) -> None:
    done = network.download(files, tmp_path)
    way.asked.clear()
    assert network.download(files, tmp_path) == done
    # The size of the raw file has to be asked for; those of pictures are known.
    assert [method for method, _, _ in way.asked] == ["HEAD"]
    done[1].write_bytes(CONTENT[:10])
    way.asked.clear()
    network.download(files, tmp_path)
    assert done[1].read_bytes() == CONTENT
    assert sorted(method for method, _, _ in way.asked) == ["GET", "HEAD"]


def test_what_is_cut_off_goes_on_where_it_ended(
    network: Network, way: BadWay, files: list[File], tmp_path: Path
) -> None:
    way.cut_after = PIECE
    [done] = network.download(files[:1], tmp_path)
    assert done.read_bytes() == CONTENT
    # More cuts than tries: each brought some of it.
    assert way.ranges() == ["", *(f"bytes={n * PIECE}-" for n in range(1, 6))]
    assert leftovers(tmp_path) == []


def test_a_later_call_goes_on_where_it_ended(
    network: Network, way: BadWay, files: list[File], tmp_path: Path
) -> None:
    way.cut_after = PIECE

    def leave(file: File, there: int, size: int) -> None:
        if there == PIECE:
            way.away = 1000

    with pytest.raises(DownloadError, match="503") as failed:
        network.download(files[:1], tmp_path, progress=leave)
    assert failed.value.done == []
    [part] = leftovers(tmp_path)
    way.away, way.cut_after = 0, None
    way.asked.clear()
    [done] = network.download(files[:1], tmp_path)
    assert done.read_bytes() == CONTENT
    assert way.ranges() == [f"bytes={PIECE}-"]
    assert part.endswith(".part")
    assert leftovers(tmp_path) == []


def test_two_versions_are_never_mixed(
    network: Network, way: BadWay, files: list[File], tmp_path: Path
) -> None:
    newer = CONTENT[::-1]
    way.cut_after = PIECE

    def change(file: File, there: int, size: int) -> None:
        # Once: the newer version, too, gets as far, and a third would cut it off.
        if there == PIECE and way.cut_after:
            way.cut_after = None
            put(file, newer)

    [done] = network.download(files[:1], tmp_path, progress=change)
    assert done.read_bytes() == newer
    assert way.ranges() == ["", f"bytes={PIECE}-"]
    assert leftovers(tmp_path) == []


def test_a_part_that_is_as_long_as_the_file(
    network: Network, way: BadWay, files: list[File], tmp_path: Path
) -> None:
    [done] = network.download(files[:1], tmp_path)
    etag = network._connection.ask("HEAD", network._connection.address(files[0].url)).headers[
        "ETag"
    ]
    done.rename(done.with_name(f".{done.name}.{etag.strip(chr(34))}.part"))
    assert network.download(files[:1], tmp_path) == [done]
    assert done.read_bytes() == CONTENT
    assert leftovers(tmp_path) == []


def test_a_network_that_is_away_for_a_moment(
    network: Network, way: BadWay, files: list[File], tmp_path: Path
) -> None:
    way.away = 2
    [done] = network.download(files[:1], tmp_path)
    assert done.read_bytes() == CONTENT
    way.away = 2
    assert len(network.observations()) == 1


def test_one_that_fails_keeps_no_other(network: Network, files: list[File], tmp_path: Path) -> None:
    unknown = replace(files[0], path="nowhere.fits", url="/files/raw/nowhere.fits")
    blocked = tmp_path / files[2].bucket / files[2].path
    blocked.mkdir(parents=True)
    with pytest.raises(DownloadError, match="2 files failed") as failed:
        network.download([unknown, *files], tmp_path, at_once=1)
    assert set(failed.value.failed) == {"nowhere.fits", files[2].path}
    assert isinstance(failed.value.failed["nowhere.fits"], RefusedError)
    assert [path.read_bytes() for path in failed.value.done] == [CONTENT, CONTENT]


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "a/../../../x", "../.."])
def test_no_path_leads_out_of_the_folder(network: Network, tmp_path: Path, path: str) -> None:
    file = File("raw", "raw", path, "/files/raw/x")
    with pytest.raises(NetworkError, match="is outside"):
        network.download([file], tmp_path / "below")
    assert list(tmp_path.iterdir()) == []


def test_few_at_once(network: Network, tmp_path: Path) -> None:
    for at_once in (0, 9):
        with pytest.raises(ValueError, match="1 to 8"):
            network.download([], tmp_path, at_once=at_once)
    assert network.download([], tmp_path) == []


def test_an_explorer_answers_the_same_below_api(
    way: BadWay, files: list[File], set_env: Callable[..., None], tmp_path: Path, db: Engine
) -> None:
    with rows(db) as session:
        for day in range(1, 4):
            add_observation(session, start=START + timedelta(days=day))
    with ExitStack() as stack:
        set_env(OBSERVATIONS_DATA_URL=stack.enter_context(served(way)))
        url = stack.enter_context(served(create_app("observations-explorer")))
        network = stack.enter_context(Network(f"{url}/api/", QUICK))
        assert len(table_at(network._connection, "/observations", {"limit": "3"})) == 4
        way.cut_after = PIECE
        [done] = network.download(files[:1], tmp_path)
    assert done.read_bytes() == CONTENT
