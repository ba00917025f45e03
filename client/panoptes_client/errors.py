"""Why the network did not give what was asked for, in words that one can act on."""

from collections.abc import Mapping
from pathlib import Path


class NetworkError(Exception):
    """Something was not had; all errors of this package are of this kind."""


class RefusedError(NetworkError):
    """The network understood and refuses: the same request would be refused again.

    Parameters
    ----------
    status : int
        Of the answer: 400 for a wrong parameter, 404 for what there is not.
    parameter : str
        The name of the parameter that is wrong; None where it is none.
    """

    def __init__(self, message: str, status: int, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.parameter = parameter


class UnreachableError(NetworkError):
    """The network is away, or busy, after some tries; it may be there later.

    Parameters
    ----------
    retry_after_s : float
        How long it asked to be left alone.
    """

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DownloadError(NetworkError):
    """Some files were not had; the others are there, and the same call goes on with the rest.

    Parameters
    ----------
    failed : mapping
        What went wrong, by the path of each file.
    done : list of Path
        The files that are there.
    """

    def __init__(self, failed: Mapping[str, Exception], done: list[Path]) -> None:
        first = next(iter(failed.items()))
        super().__init__(f"{len(failed)} files failed, {first[0]} for one: {first[1]}")
        self.failed = dict(failed)
        self.done = done
