"""Requests to the network, tried again while it is away."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from panoptes_client.errors import NetworkError, RefusedError, UnreachableError

T = TypeVar("T")

PASSING = {429, 500, 502, 503, 504}
"""Statuses after which the same request may succeed."""
MAX_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a request is tried, seconds; waits grow, and are random about that."""

    tries: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 30
    connect_timeout_s: float = 10
    read_timeout_s: float = 120


class Connection:
    """The network's data service at `url`; several threads may ask at once."""

    def __init__(self, url: str, patience: Patience) -> None:
        if not url.startswith(("http://", "https://")):
            raise NetworkError(f"{url!r} is no address: it begins with http:// or https://")
        self._url = url.rstrip("/")
        self._patience = patience
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=MAX_CONNECTIONS))

    def close(self) -> None:
        """Close what is open to the network."""
        self._session.close()

    def address(self, path: str) -> str:
        """Return the address of a path of the service."""
        return self._url + path

    def get(self, address: str, parameters: Mapping[str, str] = {}) -> requests.Response:
        """Return a whole answer.

        Raises
        ------
        RefusedError, UnreachableError
            Where there is none.
        """
        return self.try_again(lambda: self.ask("GET", address, params=parameters))

    def try_again(self, work: Callable[[], T]) -> T:
        """Do `work` until it no longer raises UnreachableError, or patience ends."""
        return Retrying(
            stop=stop_after_attempt(self._patience.tries),
            wait=self._wait_s,
            retry=retry_if_exception_type(UnreachableError),
            reraise=True,
        )(work)

    def ask(
        self, method: str, address: str, allowed: Container[int] = (), **options: Any
    ) -> requests.Response:
        """Send one request; what is answered may have a status of `allowed`. See `get`."""
        limits = (self._patience.connect_timeout_s, self._patience.read_timeout_s)
        try:
            answer = self._session.request(method, address, timeout=limits, **options)
        except requests.RequestException as error:
            raise UnreachableError(f"no answer from {self._url}: {_cause(error)}") from error
        if answer.status_code in PASSING:
            raise UnreachableError(_words(answer), _retry_after_s(answer))
        if not answer.ok and answer.status_code not in allowed:
            raise RefusedError(
                _words(answer), answer.status_code, _problem(answer).get("parameter")
            )
        return answer

    def _wait_s(self, state: RetryCallState) -> float:
        longest_s = self._patience.longest_wait_s
        growing = wait_random_exponential(2 * self._patience.first_wait_s, longest_s)
        fault = state.outcome.exception() if state.outcome else None
        asked_s = fault.retry_after_s if isinstance(fault, UnreachableError) else 0
        return max(growing(state), min(asked_s, longest_s))


def _cause(error: BaseException) -> str:
    """Return the innermost reason: the outer ones repeat the address at length."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


def _problem(answer: requests.Response) -> dict[str, Any]:
    """Return what an answer of type application/problem+json says; nothing of any other."""
    try:
        said = answer.json()
    except (requests.RequestException, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _words(answer: requests.Response) -> str:
    said = _problem(answer).get("detail") or answer.reason
    return f"{said} (status {answer.status_code})"


def _retry_after_s(answer: requests.Response) -> float:
    """Return the seconds that an answer asks to wait; a date there is left alone."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdecimal() else 0
