"""A server that accepts connections and hangs: before its answer, or in the middle of it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread


@dataclass
class HangingServer:
    """Listens on a loopback port, answers its first requests with `answers`, and then nothing.

    `asked` holds the request lines that came.
    """

    answers: list[bytes]
    asked: list[str] = field(default_factory=list)
    held: list[socket.socket] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                connection, _ = self.listener.accept()
                self.held.append(connection)
                Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError):
            while request := connection.recv(65536):
                self.asked.append(request.partition(b"\r\n")[0].decode())
                if not self.answers:
                    return
                connection.sendall(self.answers.pop(0))

    def close(self) -> None:
        """Let go all that is held."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        for closed in (self.listener, *self.held):
            closed.close()


@contextmanager
def hanging(*answers: bytes) -> Iterator[HangingServer]:
    """Serve while the block runs; all that is held is let go at its end."""
    server = HangingServer([*answers])
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
