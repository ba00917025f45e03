"""Clients that connect and say nothing, or send a request byte after byte."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from threading import Event, Thread

_DRIPPING_HEADER = b"GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: "
_DRIPPING_BODY = (
    b"POST / HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n"
)
_KINDS = ((b"", b""), (_DRIPPING_HEADER, b"a"), (_DRIPPING_BODY, b" "))
"""What each kind sends first, and then again and again."""
_PAUSE_S = 0.5


@dataclass
class _Client:
    port: int
    first: bytes
    drop: bytes
    connection: socket.socket | None = None

    def go_on(self) -> None:
        """Send the next byte; connect again where the server has had enough."""
        try:
            if self.connection is None:
                self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
                self.connection.sendall(self.first)
            else:
                self.connection.sendall(self.drop)
        except OSError:
            self.leave()

    def leave(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


@contextmanager
def slow_clients(ports: Sequence[int], number: int) -> Iterator[None]:
    """Keep `number` slow clients of each port, of all kinds, while the block runs."""
    clients = [
        _Client(port, first, drop)
        for port in ports
        for first, drop in islice(cycle(_KINDS), number)
    ]
    for client in clients:
        client.go_on()
    assert all(client.connection for client in clients)
    over = Event()
    thread = Thread(target=_drip, args=(clients, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _drip(clients: list[_Client], over: Event) -> None:
    while not over.wait(_PAUSE_S):
        for client in clients:
            client.go_on()
    for client in clients:
        with suppress(OSError):
            client.leave()
