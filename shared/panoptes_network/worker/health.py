"""The worker's health endpoint: liveness and readiness."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from panoptes_network.config import settings

REQUEST_TIMEOUT_S = 5.0

Report = Callable[[], Mapping[str, object]]
"""Returns the worker's status; ``"ready"`` is one of the keys."""


@contextmanager
def answering(report: Report) -> Iterator[int | None]:
    """Serve ``/health`` and ``/ready`` during the block; yield the port, None if off."""
    port = settings().health_port
    if not port:
        yield None
        return
    with ThreadingHTTPServer((settings().health_host, port), _handler(report)) as server:
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def _handler(report: Report) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/health":
                self._answer(200, {"status": "ok"})
            elif path == "/ready":
                said = report()
                self._answer(200 if said["ready"] else 503, said)
            else:
                self._answer(404, {"error": "known paths: /health and /ready"})

        def _answer(self, status: int, said: Mapping[str, object]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Do not log: probes come every few seconds."""

    return Handler
