"""How fast stars come into the catalog and out again, beside named peers, in one run.

``python bench/bench_catalog.py [--rows 500000]``: a server of its own, a made TIC-8 bulk
file of that many rows (125 columns, 430 bytes each), and the ratios on stdout.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import table
from memory import peak_mb
from servers import database, open_folder
from sqlalchemy import make_url, text
from stopwatch import timed

from local.postgres import Cluster
from panoptes_network.catalog.formats import TicFile, open_stars
from panoptes_network.catalog.lookup import stars_in_cone
from panoptes_network.config import settings
from panoptes_network.database.engine import engine
from panoptes_network.sky import healpix

FRAME = (303.2, 46.0, 9.2)
"""The cone around a whole 15x10 degree frame."""
COLUMNS = "catalog,picid,healpix,ra_deg,dec_deg,pmra_masyr,pmdec_masyr,mag,gaia_mag,teff_k"
PEER_TABLE = "CREATE TABLE peer (LIKE catalog_stars)"
PEER_COPY = rf"\copy peer ({COLUMNS}) FROM '{{}}' WITH (FORMAT csv)"
PEER_SELECT = "SELECT catalog, picid, ra_deg, dec_deg, pmra_masyr, pmdec_masyr, mag FROM ..."


@dataclass(frozen=True)
class _Run:
    seconds: float
    peak_mb: float


def main() -> None:
    """Make the files, load them, look them up, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    rows = parser.parse_args().rows
    with open_folder() as folder, database(folder / "postgres"):
        bulk, narrow = _write_files(folder, rows)
        _compare_loading(bulk, narrow, rows)
        _compare_looking_up()


def _compare_loading(bulk: Path, narrow: Path, rows: int) -> None:
    tenth = bulk.with_name("tenth.csv")
    with bulk.open() as whole, tenth.open("w") as part:
        part.writelines(line for _, line in zip(range(rows // 10), whole, strict=False))
    small = _run_loader(tenth, "--mag-limit", "99")
    _reset()
    ours = _run_loader(bulk)
    floor, _ = timed(lambda: sum(len(block) for block in open_stars(bulk).blocks()))
    with engine().begin() as connection:
        connection.execute(text(PEER_TABLE))
    peer = _run([*_psql(), "-c", PEER_COPY.format(narrow)])
    table.heading(f"{rows:,} rows of a TIC-8 bulk file ({bulk.stat().st_size / 1e6:.0f} MB)")
    _line("ours: load-catalog tic", ours.seconds, rows)
    table.line("peak memory", ours.peak_mb, "MB", depth=2)
    table.line("peak memory with a tenth of the rows", small.peak_mb, "MB", depth=2)
    _line("floor: reading the file alone, no database", floor.wall, rows)
    _line("peer: psql, ready-made 10 columns, no index, no key", peer.seconds, rows)
    table.command(f"{PEER_TABLE}; {PEER_COPY.format('stars.csv')}")
    table.ratio("ours / floor", ours.seconds / floor.wall)
    table.ratio("ours / peer", ours.seconds / peer.seconds)


def _compare_looking_up() -> None:
    with engine().connect() as connection:
        stars_in_cone(connection, *FRAME)
        ours, stars = timed(lambda: stars_in_cone(connection, *FRAME))
        ranges = healpix.cone_ranges(*FRAME).tolist()
        where = " OR ".join(f"healpix BETWEEN {first} AND {last}" for first, last in ranges)
        query = text(PEER_SELECT.replace("...", f"catalog_stars WHERE {where}"))
        peer, _ = timed(lambda: connection.execute(query).all())
    table.heading(f"{len(stars):,} stars of a frame's cone")
    _line("ours: stars_in_cone", ours.wall, len(stars))
    _line("peer: the same rows through SQLAlchemy", peer.wall, len(stars))
    table.command(f"connection.execute({PEER_SELECT!r}).all()")
    table.ratio("peer / ours", peer.wall / ours.wall)


def _write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write a bulk file, and the rows of `catalog_stars` that it holds, ready-made."""
    random = np.random.default_rng(8)
    # A bulk file is a belt of the sky; this one is as dense as the plane of the Milky Way.
    ra, dec = random.uniform(290, 320, rows), random.uniform(36, 56, rows)
    cells, mags = healpix.healpix_cells(ra, dec), random.uniform(5, 16, rows)
    # TIC ids run over the sky in tiles: of the 244,730 targets of sectors 1 to 27, half are
    # within 0.7 degree of the one with the next id.
    ids = np.argsort(np.argsort(cells))
    bulk, narrow = folder / "tic_bulk.csv", folder / "stars.csv"
    with bulk.open("w") as wide_file, narrow.open("w") as narrow_file:
        for star in zip(ids, cells, ra, dec, mags, strict=True):
            wide_file.write(_bulk_row(*star))
            number, cell, x, y, mag = star
            narrow_file.write(
                f"tic,{number},{cell},{x:.12f},{y:.12f},-3.25,4.5,{mag:.4f},9.5,5800\n"
            )
    return bulk, narrow


def _bulk_row(number: int, _cell: int, ra: float, dec: float, mag: float) -> str:
    place = {"ID": number, "objType": "STAR", "ra": f"{ra:.12f}", "dec": f"{dec:.12f}"}
    motion = {"pmRA": -3.25, "pmDEC": 4.5}
    light = {"GAIAmag": 9.5, "Tmag": f"{mag:.4f}", "Teff": 5800.0}
    values = {**place, **motion, **light}
    fields = ["" if n % 2 else "0.03456" for n in range(TicFile.BULK_WIDTH)]
    for index, name in TicFile.BULK_COLUMNS.items():
        fields[index] = str(values.get(name, ""))
    return ",".join(fields) + "\n"


def _run_loader(*arguments: str | Path) -> _Run:
    return _run([sys.executable, "-m", "panoptes_network.catalog.cli", "tic", *map(str, arguments)])


def _run(command: list[str]) -> _Run:
    started = time.perf_counter()
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, peak_mb(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return _Run(time.perf_counter() - started, peak)


def _psql() -> list[str]:
    url = make_url(settings().database_url)
    os.environ["PGPASSWORD"] = str(url.password)  # where no list of processes shows it
    program = Path(Cluster(Path(), port=0).program()[0])
    place = [f"--host={url.host}", f"--port={url.port}", f"--username={url.username}"]
    return [str(program.with_name("psql")), *place, str(url.database)]


def _reset() -> None:
    with engine().begin() as connection:
        connection.execute(text("TRUNCATE catalog_stars, catalog_loads"))


def _line(label: str, seconds: float, rows: int) -> None:
    table.line(label, seconds, note=f"{rows / seconds:,.0f} rows/s")


if __name__ == "__main__":
    main()
