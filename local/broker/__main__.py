"""The command line."""

import asyncio
import sqlite3
from pathlib import Path

import click
import grpc

from local.broker.push import push
from local.broker.server import Broker
from local.broker.store import Store

DAMAGED = frozenset({"SQLITE_NOTADB", "SQLITE_CORRUPT"})
WHAT_TO_DO = """the messages in {store} are damaged: {error}.
Stop the network and move the damaged files away, then start it again:
  make down; mkdir damaged; mv {store}* damaged/; make up
The queues are then empty. The sweep resends everything that was not yet processed.
docs/runbook.md has more under "The broker's store is damaged"."""


@click.command
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8085, show_default=True)
@click.option("--store", default=".local/pubsub.sqlite", show_default=True, type=Path)
def main(host: str, port: int, store: Path) -> None:
    """Serve Pub/Sub until a signal stops it; nothing acknowledged is lost."""
    try:
        asyncio.run(_serve(f"{host}:{port}", store))
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname not in DAMAGED:
            raise click.ClickException(f"cannot serve {store}: {error}") from error
        raise click.ClickException(WHAT_TO_DO.format(store=store, error=error)) from error
    except (RuntimeError, OSError) as error:
        raise click.ClickException(f"cannot serve {store} on {host}:{port}: {error}") from error


async def _serve(address: str, path: Path) -> None:
    store = Store(path)
    store.check()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])  # else two share a port unseen
    server.add_generic_rpc_handlers(Broker(store).handlers())
    server.add_insecure_port(address)
    await server.start()
    click.echo(f"Pub/Sub broker on {address}, messages in {path}")
    await asyncio.gather(store.sweep(), push(store))


main()
