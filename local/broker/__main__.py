"""Run the broker until SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sqlite3
import sys
from pathlib import Path

import grpc

from local.broker.server import Broker
from local.broker.store import Store

_OPTIONS = [
    ("grpc.so_reuseport", 0),  # else two brokers share a port in silence
    ("grpc.max_receive_message_length", 11_000_000),  # a publish has 10 MB at most
]


async def serve(host: str, port: int, path: Path) -> None:
    """Serve the store at ``path`` until a signal comes."""
    store = Store(path)
    broker = Broker(store)
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers(broker.handlers())
    port = server.add_insecure_port(f"{host}:{port}")
    await server.start()
    running = asyncio.create_task(broker.run())
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, running.cancel)
    logging.info("Pub/Sub broker on %s:%d, messages in %s", host, port, path)
    with contextlib.suppress(asyncio.CancelledError):
        await running
    store.stopping = True
    await server.stop(grace=1)
    store.close()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.broker", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8085, help="0: any free one (default: 8085)")
    parser.add_argument("--store", type=Path, default=Path(".local/pubsub.sqlite"))
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        asyncio.run(serve(options.host, options.port, options.store))
    except (RuntimeError, OSError, sqlite3.Error) as error:
        sys.exit(f"cannot serve on {options.host}:{options.port} from {options.store}: {error}")


if __name__ == "__main__":
    main()
