"""Output of tables to a terminal and to files."""

import io
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
import numpy as np
from astropy.table import MaskedColumn, Table

from panoptes_client import parquet


class Format(StrEnum):
    """Output formats."""

    CSV = "csv"
    JSON = "json"
    VOTABLE = "votable"
    PARQUET = "parquet"
    FITS = "fits"


SUFFIXES = {
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".vot": Format.VOTABLE,
    ".xml": Format.VOTABLE,
    ".parquet": Format.PARQUET,
    ".fits": Format.FITS,
}
ASTROPY = {
    Format.CSV: "ascii.csv",
    Format.VOTABLE: "votable",
    Format.FITS: "fits",
}
BINARY = {Format.PARQUET, Format.FITS}
FLAT = {Format.CSV, Format.VOTABLE}
"""Formats that cannot store pixels, unsigned 16-bit integers."""
IDS = frozenset({"picid"})
"""64-bit integers: JSON has them as text, because JavaScript rounds long numbers."""
NULL = -(2**63)
"""Represents an unknown integer in a FITS table: no id or count has this value."""


def write(table: Table, shown: tuple[str, ...], as_format: str | None, path: Path | None) -> None:
    """Write a table to a file or to standard output.

    Without a format, a terminal shows the columns `shown`, and other outputs get CSV.

    Raises
    ------
    click.UsageError
        If the format is unknown, or needs a file or other columns.
    """
    wanted = Format(as_format) if as_format else _format_of(path)
    if path is None and wanted is None:
        _show(table[list(shown)])
    else:
        _write(table, wanted or Format.CSV, path)


def _format_of(path: Path | None) -> Format | None:
    if path is None:
        return None if sys.stdout.isatty() else Format.CSV
    if path.suffix not in SUFFIXES:
        raise click.UsageError(f"{path.name}: end the name with one of {', '.join(SUFFIXES)}")
    return SUFFIXES[path.suffix]


def _show(table: Table) -> None:
    for line in table.pformat(max_lines=-1, max_width=-1):
        # Uploaded text may contain terminal control sequences.
        click.echo(
            "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
        )
    click.echo(f"{len(table)} rows", err=True)


def _write(table: Table, wanted: Format, path: Path | None) -> None:
    if wanted in BINARY and path is None:
        raise click.UsageError(f"{wanted} needs an output file: -o NAME")
    if wanted in FLAT and any(table[name].ndim > 1 for name in table.colnames):
        raise click.UsageError(f"{wanted} cannot hold pixels: use fits")
    if wanted is Format.JSON:
        text = json.dumps(_rows(table), ensure_ascii=False, indent=1) + "\n"
        path.write_text(text) if path else click.echo(text, nl=False)
        return
    if wanted is Format.PARQUET and path:
        parquet.write(table, path)
        return
    written = _for_fits(table) if wanted is Format.FITS else table
    written.write(path or sys.stdout, format=ASTROPY[wanted], overwrite=True)


def _rows(table: Table) -> list[dict[str, object]]:
    """Return the rows for JSON: masked and non-finite values are null."""
    columns = {name: table[name].tolist() for name in table.colnames}
    return [
        {name: _value(name, column[number]) for name, column in columns.items()}
        for number in range(len(table))
    ]


def _value(name: str, value: object) -> object:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return str(value) if name in IDS else value


def _for_fits(table: Table) -> Table:
    r"""Return a table as FITS can have it: letters beyond ASCII as \\u and a number.

    Masked integers become `NULL`: the default fill value 999999 is the id of a star.
    """
    copied = table.copy()
    for name in copied.colnames:
        if copied[name].dtype.kind == "U":
            texts = np.ma.filled(copied[name], "")
            copied.replace_column(name, np.char.encode(texts, "ascii", "backslashreplace"))
        elif copied[name].dtype == np.int64 and isinstance(copied[name], MaskedColumn):
            copied[name].fill_value = NULL
    return copied


class _DiscardingFile(io.FileIO):
    """A file descriptor that discards output once its reader has left."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            # Programs that this one starts inherit the descriptor.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)


def outlive_reader() -> None:
    """Let this process finish its work after the reader of its output has left.

    Does nothing unless standard output is a pipe or file of its own.
    """
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper) or stream is not sys.__stdout__:
        return
    if stream.isatty():
        return
    stream.flush()
    raw = io.BufferedWriter(_DiscardingFile(stream.fileno(), "wb", closefd=False))
    sys.stdout = io.TextIOWrapper(raw, encoding=stream.encoding, errors=stream.errors)
