"""The way that PANOPTES frames were solved before: programs on the mosaic, stamps row by row.

`SOLVE_FIELD` has the options of panoptes-utils, `get_solve_field`; source-extractor has its own
defaults. The rows are those of the earlier panoptes-network (github.com/panoptes): its table
`stamps`, written by an INSERT and a COMMIT each. `meta_insert` of its PONG/pong/utils/metadb.py
opened a connection for each row as well: both ways are measured, over one connection and so.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from astropy.nddata import Cutout2D
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Double,
    Engine,
    Integer,
    MetaData,
    NullPool,
    RowMapping,
    Table,
    Text,
    create_engine,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from stopwatch import Seconds, timed, timed_program

from panoptes_network.database.engine import engine
from panoptes_network.frames.bayer import STAMP_SIDE

SOLVE_FIELD = [
    *("solve-field", "--guess-scale", "--cpulimit", "90", "--no-verify", "--crpix-center"),
    *("--temp-axy", "--index-xyls", "none", "--solved", "none", "--match", "none"),
    *("--rdls", "none", "--corr", "none", "--downsample", "4", "--no-plots", "--overwrite"),
    *("--new-fits", "solved.fits", "frame.fits"),
]
ONE_CONNECTION = "stamps, one connection"
CONNECTION_EACH = "stamps, a connection each"
MEASURED = 1000
"""Rows written with a connection each; the seconds are scaled to all."""

DEFAULTS = Path("/usr/share/source-extractor")
SOURCE_EXTRACTOR = [
    *("source-extractor", "frame.fits", "-c", str(DEFAULTS / "default.sex")),
    *("-FILTER_NAME", str(DEFAULTS / "default.conv")),
    *("-PARAMETERS_NAME", "peer.param", "-CATALOG_TYPE", "FITS_1.0", "-CATALOG_NAME", "peer.cat"),
]
COLUMNS = """
    NUMBER X_IMAGE Y_IMAGE ALPHA_J2000 DELTA_J2000 FLUX_AUTO FLUXERR_AUTO FLUX_MAX MAG_AUTO
    MAGERR_AUTO FWHM_IMAGE ELLIPTICITY THETA_IMAGE BACKGROUND FLAGS
"""
STAMPS = Table(
    "peer_stamps",
    MetaData(),
    Column("image_id", Text, primary_key=True),
    Column("picid", BigInteger, primary_key=True),
    Column("obstime", DateTime(timezone=True)),
    Column("x_px", Double),
    Column("y_px", Double),
    Column("data", ARRAY(Integer)),
    Column("metadata", JSONB),
)
_NEW = insert(STAMPS)
UPSERT = _NEW.on_conflict_do_update(
    index_elements=STAMPS.primary_key.columns, set_=dict(_NEW.excluded.items())
)
MATCHED = text(
    "SELECT image_id, picid, time AS obstime, x_px, y_px, jsonb_build_object("
    "  'ra', sources.ra_deg, 'dec', sources.dec_deg, 'flux', flux_adu, 'flux_err', flux_err_adu,"
    "  'flux_max', peak_adu, 'fwhm', sources.fwhm_px, 'ellipticity', ellipticity, 'flags', flags"
    ") AS metadata FROM sources JOIN images USING (image_key, time)"
    " WHERE image_key = :key AND picid IS NOT NULL"
)


def run_programs(folder: Path) -> dict[str, Seconds]:
    """Return what the programs take with the plain frame in `folder`."""
    (folder / "peer.param").write_text("\n".join(COLUMNS.split()))
    seconds = {
        command[0]: timed_program(command, folder) for command in (SOLVE_FIELD, SOURCE_EXTRACTOR)
    }
    if not (folder / "solved.fits").exists():
        raise RuntimeError("solve-field did not solve the frame in the peer's way")
    return seconds


def run_stamps(pixels: NDArray[np.uint16], image_key: int) -> dict[str, Seconds]:
    """Return what the stamps of an image's matched sources take row by row, over either way."""
    with engine().connect() as connection:
        sources = connection.execute(MATCHED, {"key": image_key}).mappings().all()
    # Without TLS, which costs pg8000 30 ms a connection even where the server has none.
    database = partial(create_engine, engine().url, connect_args={"ssl_context": False})
    few = sources[:MEASURED]
    each = _row_by_row(database(poolclass=NullPool), pixels, few) * (len(sources) / len(few))
    return {ONE_CONNECTION: _row_by_row(database(), pixels, sources), CONNECTION_EACH: each}


def _row_by_row(
    database: Engine, pixels: NDArray[np.uint16], sources: Sequence[RowMapping]
) -> Seconds:
    def insert_all() -> None:
        for source in sources:
            stamp = Cutout2D(pixels, (source["x_px"], source["y_px"]), STAMP_SIDE)
            with database.begin() as connection:
                connection.execute(UPSERT, {**source, "data": stamp.data.ravel().tolist()})

    STAMPS.drop(database, checkfirst=True)
    STAMPS.create(database)
    seconds, _ = timed(insert_all)
    database.dispose()
    return seconds
