"""A proxy between the services that fails on purpose: late answers, and 500s."""

import base64
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

_HOP_HEADERS = frozenset(
    {"host", "connection", "transfer-encoding", "content-length", "keep-alive", "accept-encoding"}
)
_TIMEOUT_S = 600


@dataclass
class Faults:
    """What the proxy does to requests; may be changed while it runs.

    Attributes
    ----------
    failing : float
        Share of the requests that are answered 500, half of them only after they were served:
        the caller then sends again what has been done already.
    delay_s : float
        Each request waits up to so long.
    poison : dict
        Words by service: its requests whose body has these words are always answered 500.
    on_request : dict
        Called, once, while a request to this service is on its way.
    """

    failing: float = 0.0
    delay_s: float = 0.0
    poison: dict[str, str] = field(default_factory=dict)
    on_request: dict[str, Callable[[], None]] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311
    served: int = 0
    failed: int = 0
    poisoned: int = 0


def _pushed(body: bytes) -> bytes:
    """Return the data of a pushed message; nothing for another request."""
    try:
        return base64.b64decode(json.loads(body)["message"]["data"])
    except (ValueError, KeyError, TypeError):
        return b""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of callers that were killed before their answer came."""


class Proxy:
    """Passes requests to ``/<service>/…`` on to that service's address."""

    def __init__(self, faults: Faults) -> None:
        self.targets: dict[str, str] = {}
        self._faults = faults
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def address(self, service: str) -> str:
        """Return where a service is reached through the proxy."""
        return f"http://127.0.0.1:{self._server.server_port}/{service}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def forward(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body that a request is answered with."""
        service, _, rest = path.lstrip("/").partition("/")
        chance = self._faults.chance.random()
        time.sleep(self._faults.delay_s * self._faults.chance.random())
        if self._is_poison(service, body):
            self._faults.poisoned += 1
            return self._failure()
        if chance < self._faults.failing / 2:
            return self._failure()
        action = self._faults.on_request.pop(service, None)
        if action:
            threading.Timer(0.05, action).start()
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_HEADERS}
        try:
            answer = requests.request(
                method,
                f"{self.targets[service]}/{rest}",
                headers=kept,
                data=body,
                timeout=_TIMEOUT_S,
            )
        except requests.RequestException:
            return 502, {}, b"the service is away"
        if chance < self._faults.failing:
            return self._failure()
        self._faults.served += 1
        said = {n: v for n, v in answer.headers.items() if n.lower() not in _HOP_HEADERS}
        said.pop("Content-Encoding", None)
        return answer.status_code, said, answer.content

    def _is_poison(self, service: str, body: bytes) -> bool:
        words = self._faults.poison.get(service, "").encode()
        return bool(words) and (words in body or words in _pushed(body))

    def _failure(self) -> tuple[int, dict[str, str], bytes]:
        self._faults.failed += 1
        return 500, {}, b"a fault on purpose"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        forward = self.forward

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                status, headers, said = forward(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST  # noqa: N815 - the base class asks for this name

            def log_message(self, *_: Any) -> None:
                """Say nothing: the services log."""

        return Handler
