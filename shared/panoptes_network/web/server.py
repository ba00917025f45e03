"""The server of the web services: waitress, which slow clients cannot block.

One thread reads all requests and writes all responses; worker threads get a request once it has
arrived completely. So clients that send nothing, send byte by byte, or read slowly block nobody.
"""

import importlib
import signal
import sys
import time
from _thread import interrupt_main
from threading import Thread

import click
import waitress
from waitress.server import BaseWSGIServer

MAX_CONNECTIONS = 1000
"""More connections wait until others close; Cloud Run allows far fewer."""
IDLE_S = 60
"""A connection idle for this long is closed."""
MAX_BODY_BYTES = 25_000_000
"""Longer bodies are never buffered for the application, whose own limits are lower."""
BUFFERED_BYTES = 2**25
"""Bytes of a response that are buffered before the application waits for its reader; a usual frame
fits.
"""
DRAIN_S = 8
"""Time to finish running requests at shutdown; Cloud Run kills the process after 10 s."""


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
        # TRUSTED_PROXIES sets how many are trusted.
        clear_untrusted_proxy_headers=False,
    )
    # A shell's background jobs ignore SIGINT, and with it the end of `_stop`.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=_stop, args=(server,)).start())
    server.run()


def _stop(server: BaseWSGIServer) -> None:
    """Finish running requests, then exit."""
    deadline = time.monotonic() + DRAIN_S
    while _is_busy(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    interrupt_main()


def _is_busy(server: BaseWSGIServer) -> bool:
    channels = list(server.active_channels.values())
    return any(channel.requests or channel.total_outbufs_len for channel in channels)


if __name__ == "__main__":
    main()
