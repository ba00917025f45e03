"""How many requests a process works on at a time: fewer than its server has threads.

So there is always a thread that says that the process lives, and one that says that it is busy.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from threading import BoundedSemaphore
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

MAX_BUSY = 32
"""Requests that a process works on at a time; no service is given more by Cloud Run."""
SPARE_THREADS = 8
"""Threads that a server has besides those that may be at work."""
BUSY = "the service is busy: try again in a moment"
RETRY_AFTER_S = 2

ALWAYS = frozenset({"/health"})
"""Paths that are answered however much there is to do."""
_REFUSED = "panoptes.refused"


class Admission:
    """Lets up to `MAX_BUSY` requests into an application at a time, until their last byte is sent.

    One that finds no room comes in as well, and `is_refused` is true for it: so it is answered in
    the service's own way, but without work. ``/health`` needs no room.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._rooms = BoundedSemaphore(MAX_BUSY)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ.get("PATH_INFO") in ALWAYS:
            return self._application(environ, start_response)
        if not self.has_room():
            environ[_REFUSED] = True
            return self._application(environ, start_response)
        with ExitStack() as leaving:
            leaving.callback(self._rooms.release)
            answer = self._application(environ, start_response)
            leaving.callback(getattr(answer, "close", lambda: None))
            return _Answer(answer, leaving.pop_all())

    def has_room(self) -> bool:
        """Take the room for one more request, if there is one."""
        return self._rooms.acquire(blocking=False)


class _Answer:
    """The bytes of an answer; its room is free once they are sent, or nobody wants them."""

    def __init__(self, content: Iterable[bytes], leaving: ExitStack) -> None:
        self._content = iter(content)
        self._leaving = leaving

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._content)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        self._leaving.close()

    # A server closes what it sends (PEP 3333); a client within the process may not.
    __del__ = close


def is_refused() -> bool:
    """Return whether there is no room for the request at hand."""
    return bool(request.environ.get(_REFUSED))
