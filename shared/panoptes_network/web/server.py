"""The server of the web services: waitress, which no slow client holds up.

One thread reads all requests and writes all responses; a request comes to one of the others, who
work on it, only once it is there as a whole. So those who connect and send nothing, or byte after
byte, or read slowly, keep nobody waiting.
"""

import importlib
import signal
import sys
import time
from _thread import interrupt_main
from threading import Thread
from typing import Any

import click
import waitress

MAX_CONNECTIONS = 1000
"""More are not accepted until others have left; Cloud Run lets in far fewer."""
IDLE_S = 60
"""A connection on which nothing happens for so long is closed."""
MAX_BODY_BYTES = 25_000_000
"""Nothing longer is kept for the application, whose own limits are lower."""
BUFFERED_BYTES = 2**25
"""Of a response, before the work on it waits for its reader; a frame of usual size fits."""
DRAIN_S = 8
"""For what was begun when the server is told to stop; Cloud Run kills it after 10 s."""


@click.command()
@click.option("--folder", default=".", help="Folder of the service.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, envvar="PORT", required=True)
@click.option(
    "--threads",
    type=int,
    default=8,
    show_default=True,
    help="Maximum number of concurrent requests.",
)
@click.argument("module", default="main")
def main(folder: str, host: str, port: int, threads: int, module: str) -> None:
    """Serve the application returned by ``create_app()`` in MODULE until SIGTERM."""
    sys.path.insert(0, folder)
    server = waitress.create_server(
        importlib.import_module(module).create_app(),
        host=host,
        port=port,
        threads=threads,
        ident=None,
        connection_limit=MAX_CONNECTIONS,
        channel_timeout=IDLE_S,
        cleanup_interval=IDLE_S // 4,
        max_request_body_size=MAX_BODY_BYTES,
        outbuf_high_watermark=BUFFERED_BYTES,
        asyncore_use_poll=True,
        # TRUSTED_PROXIES says which of them are believed.
        clear_untrusted_proxy_headers=False,
    )
    # A shell's background jobs ignore SIGINT, and with it what `_stop` does at the end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=_stop, args=(server,)).start())
    server.run()


def _stop(server: Any) -> None:
    """Let what was begun come to its end, then leave."""
    deadline = time.monotonic() + DRAIN_S
    while _is_busy(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    interrupt_main()


def _is_busy(server: Any) -> bool:
    channels = list(server.active_channels.values())
    return any(channel.requests or channel.total_outbufs_len for channel in channels)


if __name__ == "__main__":
    main()
