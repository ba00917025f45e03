"""Progress bars of downloads."""

from collections.abc import Collection
from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID

from panoptes_client.files import File


class Bars:
    """Bars for all `files` and for each one in progress, on a terminal."""

    def __init__(self, files: Collection[File]) -> None:
        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._all = self._progress.add_task("files", total=len(files))
        self._bars: dict[File, TaskID] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def update(self, file: File, there: int, size: int) -> None:
        """Update a file's number of bytes; called by several threads."""
        with self._lock:
            if file not in self._bars:
                name = escape(file.path.rpartition("/")[2])
                self._bars[file] = self._progress.add_task(name, total=size)
            self._progress.update(self._bars[file], completed=there, total=size)
            if there == size:
                self._progress.remove_task(self._bars.pop(file))
                self._progress.advance(self._all)
