"""Limit on concurrent requests, lower than the number of the server's threads.

So there is always a free thread for health checks and for refusing requests.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from threading import BoundedSemaphore
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

MAX_BUSY = 32
"""Maximum number of concurrent requests; Cloud Run never sends a service more."""
SPARE_THREADS = 8
"""Server threads in addition to those for concurrent requests."""
BUSY = "the service is busy: try again in a moment"
RETRY_AFTER_S = 2

ALWAYS = frozenset({"/health"})
"""Paths that are served under any load."""
_REFUSED = "panoptes.refused"


class Admission:
    """Middleware that admits up to `MAX_BUSY` requests at a time, until their last byte is sent.

    Requests beyond the limit also reach the application, with `is_refused` true, so that it refuses
    them in its own format without work. ``/health`` is always admitted.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._rooms = BoundedSemaphore(MAX_BUSY)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request."""
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
        """Reserve a place for one more request, if there is one."""
        return self._rooms.acquire(blocking=False)


class _Answer:
    """The bytes of a response; its place is freed once they are sent or the client is gone."""

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

    # A server closes responses (PEP 3333); a client within the process may not.
    __del__ = close


def is_refused() -> bool:
    """Return whether the current request exceeds the limit."""
    return bool(request.environ.get(_REFUSED))
