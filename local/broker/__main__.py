"""The command line."""

import asyncio
import sqlite3
from pathlib import Path

import click
import grpc

from local.broker.push import push
from local.broker.server import Broker
from local.broker.store import Store


@click.command
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8085, show_default=True)
@click.option("--store", default=".local/pubsub.sqlite", show_default=True, type=Path)
def main(host: str, port: int, store: Path) -> None:
    """Serve Pub/Sub until a signal ends it, which loses nothing that was answered."""
    try:
        asyncio.run(_serve(f"{host}:{port}", store))
    except (RuntimeError, OSError, sqlite3.Error) as error:
        raise click.ClickException(f"cannot serve {store} on {host}:{port}: {error}") from error


async def _serve(address: str, path: Path) -> None:
    store = Store(path)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])  # else two share a port unseen
    server.add_generic_rpc_handlers(Broker(store).handlers())
    server.add_insecure_port(address)
    await server.start()
    click.echo(f"Pub/Sub broker on {address}, messages in {path}")
    await asyncio.gather(store.sweep(), push(store))


main()
