"""Each endpoint of observations-data at the size that the network may come to, and its bare SQL.

A database of 1,000,000 images in 50,000 sequences and 20 million sources is made in a folder,
which takes some minutes and 12 GB; made once, it is used again. Then requests over loopback to
the service as it runs, and the statements that one such request sends, alone over one
connection, take turns.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import big_database
import requests
import services  # noqa: F401 - the service's folder is on the path behind it
import table
from flask import Flask
from servers import database, object_storage, web_server
from sqlalchemy import event, text

from panoptes_network.database.engine import engine

SERVICE = "observations-data"
MAX_ROUNDS, MAX_S = 200, 3.0
"""Of one endpoint: so many rounds, or so long."""
CLIENTS, BURST_S = 4, 1.0
AIM_RATIO, AIM_MS = 1.5, 10.0

Statements = list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One endpoint: what it is called in the table, and the address."""

    name: str
    path: str


def main() -> None:
    """Measure and print."""
    options = _options()
    with (
        tempfile.TemporaryDirectory() as buckets,
        database(options.folder / "cluster"),
        object_storage(Path(buckets)),
    ):
        _fill(options)
        with web_server(SERVICE) as address:
            rows = [_measure(case, address) for case in cases() if options.only in case.name]
    _print(rows, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "panoptes-big")
    parser.add_argument("--sequences", type=int, default=big_database.SEQUENCES)
    parser.add_argument("--images", type=int, default=big_database.IMAGES, help="of one sequence")
    parser.add_argument(
        "--sources", type=int, default=big_database.SOURCES, help="of a solved image"
    )
    parser.add_argument("--only", default="", help="endpoints with this in their name")
    return parser.parse_args()


def _fill(options: argparse.Namespace) -> None:
    with engine().connect() as connection:
        if connection.scalar(text("SELECT EXISTS (SELECT FROM images)")):
            return
    print(f"making the database in {options.folder}", file=sys.stderr)
    big_database.make(options.sequences, options.images, options.sources)


def cases() -> list[Case]:
    """Return the endpoints, each with rows that the database has."""
    with engine().connect() as connection:
        sequence, unit, night = connection.execute(text(_A_SEQUENCE)).one()
        image, picid = connection.execute(text(_A_STAR), {"sequence": sequence}).one()
    search = {
        "first page": "limit=50",
        "first page with facets": "limit=50&facets=true",
        "of a unit": f"unit={unit}",
        "text in the field": "field=ield+12",
        "that have an error": "state=error",
        "of a tag": "tag=tag+10",
        "within 15 degrees": "ra=100&dec=20&radius=15",
        "by number of images": "sort=images",
        "CSV of 500": "limit=500&format=csv",
    }
    return [
        *(Case(f"observations, {name}", f"/observations?{said}") for name, said in search.items()),
        Case("an observation", f"/observations/{sequence}"),
        Case("its history", f"/observations/{sequence}/events"),
        Case("its list of files", f"/observations/{sequence}/files.txt"),
        Case("an image", f"/images/{image}"),
        Case("sources of an image", f"/images/{image}/sources"),
        Case("a star", f"/sources/{picid}"),
        Case("stamps of a star", f"/sources/{picid}/stamps?sequence_id={sequence}"),
        Case("light curve of a star", f"/sources/{picid}/lightcurve?sequence_id={sequence}"),
        Case("units", "/units"),
        Case("nights of a unit", f"/units/{unit}/nights"),
        Case("report of a night", f"/units/{unit}/nights/{night}"),
        Case("statistics", "/stats"),
        Case("coverage", "/coverage"),
        Case("status", "/status"),
        Case("refused uploads", "/uploads"),
        Case("refused uploads of a unit", f"/uploads?unit={unit}"),
        Case("cone search of sources", "/vo/scs/sources?RA=100&DEC=20&SR=0.05"),
        Case("cone search of images", "/vo/scs/images?RA=100&DEC=20&SR=5&MAXREC=100"),
        Case("SIA 2", "/vo/sia/query?POS=CIRCLE+100+20+1&MAXREC=100"),
        Case("DataLink", f"/vo/datalink/links?ID={image}"),
        Case("map of the coverage", "/vo/moc"),
    ]


_A_SEQUENCE = """
SELECT sequence_id, unit_id, (start_time - interval '12 hours')::date FROM sequences
WHERE field = 'Field 377' ORDER BY start_time DESC LIMIT 1
"""
_A_STAR = """
SELECT image_id, picid FROM images JOIN sources USING (image_key, time)
WHERE sequence_id = :sequence AND picid IS NOT NULL ORDER BY number, images.time LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of an endpoint: seconds of requests and of its SQL, requests a second."""

    case: Case
    requests_s: list[float]
    sql_s: list[float]
    per_second: float
    n_bytes: int

    @property
    def is_in_aim(self) -> bool:
        """Whether the median is within 1.5 times that of the SQL and 10 ms."""
        limit_s = AIM_RATIO * statistics.median(self.sql_s) + AIM_MS / 1000
        return statistics.median(self.requests_s) <= limit_s


def _measure(case: Case, address: str) -> Row:
    statements = _statements(case)
    with requests.Session() as client, _replay(statements) as replay:

        def ask() -> int:
            answer = client.get(address + case.path, timeout=120)
            answer.raise_for_status()
            return len(answer.content)

        n_bytes = ask()
        replay()
        asked: list[float] = []
        replayed: list[float] = []
        deadline = time.monotonic() + MAX_S
        while len(asked) < MAX_ROUNDS and (len(asked) < 5 or time.monotonic() < deadline):
            asked.append(_seconds(ask))
            replayed.append(_seconds(replay))
    print(f"{case.name}: {1000 * statistics.median(asked):.1f} ms", file=sys.stderr)
    return Row(case, asked, replayed, _per_second(address + case.path), n_bytes)


@cache
def observations_data() -> Flask:
    """Return the service's application, in this process."""
    app: Flask = resolve_name("main:create_app")()
    return app


def _statements(case: Case) -> Statements:
    """Return what the service sends to the database for a request that is not its first."""
    client = observations_data().test_client()
    client.get(case.path)
    sent: Statements = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        sent.append((statement, parameters))

    event.listen(engine(), "before_cursor_execute", note)
    try:
        answer = client.get(case.path)
        answer.get_data()
    finally:
        event.remove(engine(), "before_cursor_execute", note)
    return sent


@contextmanager
def _replay(statements: Statements) -> Iterator[Callable[[], None]]:
    connection = engine().raw_connection()

    def replay() -> None:
        cursor = connection.cursor()
        for statement, parameters in statements:
            copied = {"stream": BytesIO()} if statement.startswith("COPY") else {}
            cursor.execute(statement, parameters, **copied)
            if cursor.description:
                cursor.fetchall()
        connection.rollback()

    try:
        yield replay
    finally:
        connection.close()


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _per_second(address: str) -> float:
    """Return how many requests a second some clients at once get answered."""

    def ask_on(deadline: float) -> int:
        answered = 0
        with requests.Session() as client:
            while time.monotonic() < deadline:
                client.get(address, timeout=120).raise_for_status()
                answered += 1
        return answered

    begun = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        answered = sum(clients.map(ask_on, [begun + BURST_S] * CLIENTS))
    return answered / (time.monotonic() - begun)


def _print(rows: list[Row], options: argparse.Namespace) -> None:
    images, of_each = options.sequences * options.images, options.sources
    table.heading(f"{options.sequences:,} sequences, {images:,} images of {of_each} sources")
    print(f"{'':34}{'p50 ms':>9}{'p99 ms':>9}{'SQL p50':>9}{'ratio':>8}{'kB':>9}{'req/s':>8}  aim")
    for row in rows:
        p50, sql = statistics.median(row.requests_s), statistics.median(row.sql_s)
        p99 = sorted(row.requests_s)[int(0.99 * (len(row.requests_s) - 1))]
        figures = f"{1000 * p50:9.1f}{1000 * p99:9.1f}{1000 * sql:9.1f}{p50 / sql:8.2f}"
        met = "met" if row.is_in_aim else "MISSED"
        print(f"{row.case.name:34}{figures}{row.n_bytes / 1000:9.1f}{row.per_second:8.1f}  {met}")
    table.command(
        f"aim: p50 within {AIM_RATIO} times its SQL and {AIM_MS:.0f} ms; SQL: the statements that"
        f" the request sends, by pg8000 over one connection; req/s by {CLIENTS} clients at once"
    )


if __name__ == "__main__":
    main()
