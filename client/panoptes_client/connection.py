"""Requests to the network, with retries while it is unavailable."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import TypeVar

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
    """Retry policy: number of tries and total time, seconds; waits grow and are randomized."""

    tries: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 30
    connect_timeout_s: float = 10
    read_timeout_s: float = 120


class Connection:
    """Connection to the network's data service at `url`; usable by several threads."""

    def __init__(self, url: str, patience: Patience) -> None:
        if not url.startswith(("http://", "https://")):
            raise NetworkError(f"{url!r} is not a URL: it must start with http:// or https://")
        self._url = url.rstrip("/")
        self._patience = patience
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=MAX_CONNECTIONS))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def address(self, path: str) -> str:
        """Return the URL of a path of the service."""
        return self._url + path

    def get(self, address: str, parameters: Mapping[str, str] = {}) -> requests.Response:
        """Get a complete response.

        Raises
        ------
        RefusedError, UnreachableError
            If the request fails.
        """
        return self.try_again(lambda: self.ask("GET", address, params=parameters))

    def try_again(self, work: Callable[[], T]) -> T:
        """Run `work`, and retry after UnreachableError until patience ends."""
        return Retrying(
            stop=stop_after_attempt(self._patience.tries),
            wait=self._wait_s,
            retry=retry_if_exception_type(UnreachableError),
            reraise=True,
        )(work)

    def ask(
        self,
        method: str,
        address: str,
        allowed: Container[int] = (),
        *,
        params: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
        stream: bool = False,
    ) -> requests.Response:
        """Send one request; the response may have a status in `allowed`. See `get`."""
        limits = (self._patience.connect_timeout_s, self._patience.read_timeout_s)
        try:
            answer = self._session.request(
                method, address, params=params, headers=headers, stream=stream, timeout=limits
            )
        except requests.RequestException as error:
            raise UnreachableError(f"{self._url} is not reachable: {_cause(error)}") from error
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
    """Return the innermost cause: the outer errors repeat the URL at length."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


def _problem(answer: requests.Response) -> dict[str, str]:
    """Return the texts of an application/problem+json response; empty for others."""
    try:
        said = answer.json()
    except (requests.RequestException, ValueError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {name: text for name, text in said.items() if isinstance(text, str)}


def _words(answer: requests.Response) -> str:
    said = _problem(answer).get("detail") or answer.reason
    return f"{said} (status {answer.status_code})"


def _retry_after_s(answer: requests.Response) -> float:
    """Return the delay that a response requests, seconds; dates are ignored."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdecimal() else 0
