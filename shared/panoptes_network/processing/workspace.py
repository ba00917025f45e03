"""A service's temporary files: disk space checks, and removal of leftovers."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from panoptes_network.errors import TransientError

PREFIX = "panoptes."

MIN_FREE_BYTES = 200_000_000
"""Free space required before an image is started: a full frame's files take half of it."""

_FULL_BYTES = 1_000_000
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yield a folder for one image, which is removed at the end.

    It is locked while this process lives, which distinguishes it from the leftovers of killed
    processes. Those are removed when a process creates its first folder.
    """
    _remove_leftovers_once()
    path, lock = _locked_folder()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def remove_leftovers() -> list[Path]:
    """Remove and return the folders that this user's killed processes have left."""
    left = []
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Another process holds it, or has just removed it.
        with suppress(OSError):
            _remove_unlocked(path)
            left.append(path)
    return left


@cache
def _remove_leftovers_once() -> None:
    remove_leftovers()


def check_room() -> None:
    """Check that there is disk space for an image's files.

    Raises
    ------
    TransientError
        If the disk is nearly full.
    """
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise TransientError(
            f"{free // 10**6} MB are free in {folder}, an image needs {MIN_FREE_BYTES // 10**6}"
        )


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Return whether a failure was caused by a full disk.

    Few programs and libraries report this: if no space is free, that is the cause.
    """
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return shutil.disk_usage(folder).free < _FULL_BYTES


def _locked_folder() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # A process starting now may have removed it as a leftover before it was locked.
        if path.exists():
            return path, lock
        os.close(lock)


def _remove_unlocked(path: Path) -> None:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(lock).st_uid != os.getuid():
            raise PermissionError(f"{path} is another user's")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(lock)
