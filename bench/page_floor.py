"""A page's answers, noted once and served from memory: what no server can do without."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests

ACCEPTED = {"Accept-Encoding": "gzip, deflate, br, zstd"}
"""As Chromium asks."""
OWN_HEADERS = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
"""Of the server that answers; all others are kept."""

Answer = tuple[dict[str, str], bytes]


@contextmanager
def from_memory(addresses: list[str]) -> Iterator[str]:
    """Serve what `addresses` of one origin answer now, and yield the first one's copy."""
    answers = {_path(address): _answer(address) for address in addresses}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            headers, body = answers[self.path]
            is_known = headers.get("ETag", "") == self.headers.get("If-None-Match")
            sent = b"" if is_known else body
            self.send_response(304 if is_known else 200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{_path(addresses[0])}"
    finally:
        server.shutdown()


def _path(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _answer(address: str) -> Answer:
    with requests.get(address, headers=ACCEPTED, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        body: bytes = answer.raw.read(decode_content=False)
        kept = {name: v for name, v in answer.headers.items() if name.lower() not in OWN_HEADERS}
    return kept, body
