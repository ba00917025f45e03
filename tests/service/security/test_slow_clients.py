"""Clients that send nothing, or a little at a time, keep nobody waiting."""

import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
import requests

from tests.conftest import free_port, serving
from tests.service.support.web_services import is_healthy, web_command, web_environment

BEGINNINGS = {
    "nothing": b"",
    "half a header": b"GET /about HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n",
}


@pytest.fixture(scope="module")
def explorer_port() -> Iterator[int]:
    port = free_port()
    command, environment = web_command("observations-explorer", port), web_environment()
    with serving(command, lambda: is_healthy(port), env=environment):
        yield port


@pytest.mark.parametrize("number", [20, 200])
@pytest.mark.parametrize("kind", BEGINNINGS)
def test_good_requests_are_answered_among_slow_ones(
    explorer_port: int, number: int, kind: str
) -> None:
    with ExitStack() as stack:
        clients = [
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", explorer_port))))
            for _ in range(number)
        ]
        for client in clients:
            client.sendall(BEGINNINGS[kind])
        for _ in range(3):
            if BEGINNINGS[kind]:
                _drip(clients)
            answer = requests.get(f"http://127.0.0.1:{explorer_port}/about", timeout=120)
            assert answer.status_code == 200


def _drip(clients: list[socket.socket]) -> None:
    for client in clients:
        with suppress(OSError):  # the server may have refused it by now
            client.send(b"a")


SLOW_APPLICATION = """
import time
from pathlib import Path

def create_app():
    def application(environ, start_response):
        here = Path(__file__).parent
        (here / "begun").touch()
        while environ["PATH_INFO"] == "/slow" and not (here / "go on").exists():
            time.sleep(0.01)
        start_response("200 OK", [("Content-Length", "3000000")])
        return [b"x" * 1_000_000] * 3
    return application
"""


def test_what_was_begun_is_finished_when_the_server_stops(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(SLOW_APPLICATION)
    port = free_port()
    program = [sys.executable, "-m", "panoptes_network.web.server"]
    command = [*program, "--folder", str(tmp_path), "--port", str(port)]
    with (
        serving(command, lambda: is_healthy(port), env=web_environment()) as process,
        ThreadPoolExecutor() as pool,
    ):
        (tmp_path / "begun").unlink()
        answer = pool.submit(requests.get, f"http://127.0.0.1:{port}/slow", timeout=120)
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        process.terminate()
        (tmp_path / "go on").touch()
        assert len(answer.result().content) == 3_000_000
        assert process.wait(60) == 0


def test_a_server_in_the_background_of_a_shell_stops(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(SLOW_APPLICATION)
    port = free_port()
    server = [sys.executable, "-m", "panoptes_network.web.server"]
    # A shell without job control starts its background jobs like that.
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *server]
    command += ["--folder", str(tmp_path), "--port", str(port)]
    with serving(command, lambda: is_healthy(port), env=web_environment()) as process:
        process.terminate()
        assert process.wait(60) == 0
