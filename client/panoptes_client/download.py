"""Robust downloads: resumable, retried, and either complete or absent."""

import glob
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import requests

from panoptes_client.connection import Connection
from panoptes_client.errors import DownloadError, NetworkError, UnreachableError
from panoptes_client.files import File

Progress = Callable[[File, int, int], None]
"""Called with a file, its bytes so far and its size; from several threads."""

IDENTITY = {"Accept-Encoding": "identity"}
"""A compressed response would have another length, and could not be resumed."""
PIECE_BYTES = 2**16
"""At most this much received data is lost when a download is cut off."""
PART = ".part"
_VERSION = re.compile(r'"([\w-]{1,80})"')
"""A strong ETag, short enough for a file name."""


def download_all(
    connection: Connection,
    files: Iterable[File],
    folder: Path,
    at_once: int,
    progress: Progress | None,
) -> list[Path]:
    """Download `files` below `folder`, `at_once` at a time; see `Network.download`."""
    stop = Event()
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="download")
    wanted = list(dict.fromkeys(files))
    try:
        downloads = [
            Download(connection, file, folder, progress or _ignore, stop) for file in wanted
        ]
        futures = {one.file.path: pool.submit(one.run) for one in downloads}
        failed, done = {}, []
        for path, future in futures.items():
            try:
                done.append(future.result())
            except (NetworkError, OSError) as error:
                failed[path] = error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    if failed:
        raise DownloadError(failed, done)
    return done


class Download:
    """A download of one file to `folder`.

    Until it is complete, its bytes are in a hidden file beside it, whose name includes their
    version. So a later run resumes it, and never mixes two versions.
    """

    def __init__(
        self, connection: Connection, file: File, folder: Path, progress: Progress, stop: Event
    ) -> None:
        self.file = file
        self._connection = connection
        self._address = connection.address(file.url)
        self._place = file.local_path(folder)
        self._progress = progress
        self._stop = stop

    def run(self) -> Path:
        """Return the file's path once it is complete; immediately if it already is.

        Raises
        ------
        RefusedError, UnreachableError
            If the download fails.
        """
        if self._is_there():
            return self._place
        self._place.parent.mkdir(parents=True, exist_ok=True)
        while not self._connection.try_again(self._fetch_more):
            pass
        return self._place

    def _is_there(self) -> bool:
        """Return whether a file of the right size exists: files are renamed only when complete."""
        if not self._place.is_file():
            return False
        there, size = self._place.stat().st_size, self.file.n_bytes
        if size is None:
            answer = self._connection.try_again(
                lambda: self._connection.ask("HEAD", self._address, headers=IDENTITY)
            )
            size = _length(answer)
        self._progress(self.file, there, size)
        return there == size

    def _fetch_more(self) -> bool:
        """Fetch missing bytes; return whether the file is complete."""
        part = self._find_part()
        with self._ask_for_rest(part) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                _remove(part)
                return False
            if answer.status_code != requests.codes.partial_content or part is None:
                _remove(part)
                part = self._new_part(answer)
            before = part.stat().st_size
            try:
                self._store(answer, part, before + _length(answer))
            except UnreachableError:
                if part.stat().st_size > before:
                    return False
                raise
        part.replace(self._place)
        return True

    def _ask_for_rest(self, part: Path | None) -> requests.Response:
        headers = dict(IDENTITY)
        if part:
            version = part.name.split(".")[-2]
            headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": f'"{version}"'}
        return self._connection.ask(
            "GET",
            self._address,
            headers=headers,
            stream=True,
            allowed={requests.codes.requested_range_not_satisfiable},
        )

    def _store(self, answer: requests.Response, part: Path, size: int) -> None:
        """Append received bytes to `part`, which must reach `size` bytes."""
        with part.open("ab") as stored:
            try:
                for piece in answer.iter_content(PIECE_BYTES):
                    stored.write(piece)
                    self._progress(self.file, stored.tell(), size)
                    if self._stop.is_set():
                        raise NetworkError("stopped")
            except requests.RequestException as error:
                words = f"{self.file.path}: the download was interrupted: {error}"
                raise UnreachableError(words) from error
        if part.stat().st_size != size:
            length = part.stat().st_size
            part.unlink()
            raise UnreachableError(f"{self.file.path}: received {length} bytes instead of {size}")

    def _find_part(self) -> Path | None:
        """Return the file of a partial download, if there is one."""
        pattern = f".{glob.escape(self._place.name)}.*{PART}"
        parts = [path for path in self._place.parent.glob(pattern) if path.stat().st_size]
        return parts[0] if parts else None

    def _new_part(self, answer: requests.Response) -> Path:
        """Create the empty file for a response's bytes."""
        version = _VERSION.fullmatch(answer.headers.get("ETag", ""))
        if version is None:
            raise NetworkError(f"{self.file.path}: the response does not say which version it is")
        part = self._place.with_name(f".{self._place.name}.{version[1]}{PART}")
        part.touch()
        return part


def _ignore(_file: File, _there: int, _size: int) -> None:
    pass


def _remove(part: Path | None) -> None:
    if part:
        part.unlink()


def _length(answer: requests.Response) -> int:
    """Return the content length of a response.

    Raises
    ------
    NetworkError
        If it has none: proxies must not compress files.
    """
    said = answer.headers.get("Content-Length", "")
    if not said.isdecimal():
        raise NetworkError(f"{answer.url}: the response does not say how long it is")
    return int(said)
