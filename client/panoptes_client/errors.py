"""Errors of the client, with messages that users can act on."""

from collections.abc import Mapping
from pathlib import Path


class NetworkError(Exception):
    """A request failed; base class of all errors in this package."""


class RefusedError(NetworkError):
    """The network refused the request: it would be refused again.

    Parameters
    ----------
    status : int
        HTTP status: 400 for an invalid parameter, 404 if there is no such thing.
    parameter : str
        Name of the invalid parameter; None if it is something else.
    """

    def __init__(self, message: str, status: int, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.parameter = parameter


class UnreachableError(NetworkError):
    """The network was unavailable or busy after all retries; it may be back later.

    Parameters
    ----------
    retry_after_s : float
        Delay requested by the network.
    """

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DownloadError(NetworkError):
    """Some files failed; the others are complete, and the same call resumes the rest.

    Parameters
    ----------
    failed : mapping
        Errors by file path.
    done : list of Path
        The complete files.
    """

    def __init__(self, failed: Mapping[str, Exception], done: list[Path]) -> None:
        first = next(iter(failed.items()))
        super().__init__(f"{len(failed)} files failed, for example {first[0]}: {first[1]}")
        self.failed = dict(failed)
        self.done = done
