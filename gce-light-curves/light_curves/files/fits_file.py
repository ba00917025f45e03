"""The FITS file of a sequence's light curves: tables of stars, frames, and curves.

STARS and CURVES have one row per star, in the same order; CURVES has vectors with one value per
frame, in the order of FRAMES. FITS Standard 4.0, section 7.3.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import DTypeLike, NDArray

from light_curves.blocks import blocks
from light_curves.files.columns import Arrays, frame_columns, measurement_columns, star_columns
from light_curves.measurements import LightCurves
from panoptes_network.light_curves.schema import (
    FRAME_COLUMNS,
    MEASUREMENT_COLUMNS,
    QUALITY_MEANINGS,
    STAR_COLUMNS,
    WHOSE_GAIN,
    Column,
)

STARS_AT_ONCE = 512
BLOCK_BYTES = 2880

FIGURES = (
    Column("n_good", "int32", None, "frames without a bad quality bit"),
    Column("scatter", "float", None, "relative scatter of one frame, all colours"),
    Column(
        "expected_noise",
        "float",
        None,
        f"relative noise of one frame from photons and readout {WHOSE_GAIN}",
    ),
    Column("reduced_chi2", "float", None, "reduced chi-square of a constant star"),
    Column("variability", "float", None, "Stetson J of the colours"),
)
"""Columns of the table STARS besides those that identify a star."""

_CODES = {"double": "D", "float": "E", "int32": "J", "int64": "K"}
_DTYPES = {"double": ">f8", "float": ">f4", "int32": ">i4", "int64": ">i8"}
_NAMES = STAR_COLUMNS[:2]
_VECTORS = (*_NAMES, *MEASUREMENT_COLUMNS)


def write_fits(path: Path, curves: LightCurves, sequence_id: str) -> None:
    """Write all stars, in the order of the field, `STARS_AT_ONCE` at a time."""
    every = slice(None)
    figures = {column.name: getattr(curves, column.name) for column in FIGURES}
    stars = _table("STARS", (*STAR_COLUMNS, *FIGURES), star_columns(curves, every) | figures)
    frames = frame_columns(curves)
    frames["time"] = np.char.add(np.datetime_as_string(curves.fluxes.time, unit="ms"), "Z")
    hdus = [_primary(curves, sequence_id), stars, _table("FRAMES", FRAME_COLUMNS, frames)]
    fits.HDUList(hdus).writeto(path)
    _append_curves(path, curves)


def _primary(curves: LightCurves, sequence_id: str) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU()
    hdu.header["SEQID"] = (sequence_id, "observation")
    hdu.header["NSTARS"] = (len(curves.fluxes.field), "rows of STARS and CURVES")
    hdu.header["NFRAMES"] = (len(curves.fluxes.image_ids), "rows of FRAMES")
    hdu.header["TIMESYS"] = ("UTC", "of FRAMES; bjd_tdb is TDB at the barycentre")
    for bit, meaning in QUALITY_MEANINGS.items():
        hdu.header.add_comment(f"quality {bit.value}: {meaning}")
    return hdu


def _table(name: str, columns: Sequence[Column], values: Arrays) -> fits.BinTableHDU:
    defined = [
        fits.Column(column.name, _format(column), column.unit, array=values[column.name])
        for column in columns
    ]
    return _described(fits.BinTableHDU.from_columns(defined, name=name), columns)


def _described(hdu: fits.BinTableHDU, columns: Sequence[Column]) -> fits.BinTableHDU:
    for number, column in enumerate(columns, 1):
        hdu.header[f"TCOMM{number}"] = column.description
    return hdu


def _append_curves(path: Path, curves: LightCurves) -> None:
    """Append the rows of CURVES after its header, as they are computed."""
    n_stars, n_frames = len(curves.fluxes.field), len(curves.fluxes.image_ids)
    defined = [fits.Column(c.name, _format(c, n_frames), c.unit) for c in _VECTORS]
    hdu = _described(fits.BinTableHDU.from_columns(defined, nrows=0, name="CURVES"), _VECTORS)
    hdu.header["NAXIS2"] = n_stars
    layout = np.dtype([_field(column, n_frames) for column in _VECTORS])
    with path.open("ab") as file:
        file.write(hdu.header.tostring().encode("ascii"))
        for some in blocks(n_stars, STARS_AT_ONCE):
            file.write(_rows(curves, some, layout).data)
        file.write(bytes(-n_stars * layout.itemsize % BLOCK_BYTES))


def _rows(curves: LightCurves, chosen: slice, layout: np.dtype[np.void]) -> NDArray[np.uint8]:
    values = star_columns(curves, chosen) | measurement_columns(curves, chosen)
    rows = np.zeros(len(values["picid"]), layout)
    for column in _VECTORS:
        rows[column.name] = values[column.name]
    return rows.view(np.uint8)


def _format(column: Column, length: int = 1) -> str:
    if column.arrow_type in _CODES:
        return f"{length if column not in _NAMES else 1}{_CODES[column.arrow_type]}"
    return f"{_TEXT_CHARS.get(column.name, 32)}A"


def _field(
    column: Column, length: int
) -> tuple[str, DTypeLike] | tuple[str, DTypeLike, tuple[int]]:
    if column in _NAMES:
        return column.name, _DTYPES.get(column.arrow_type, f"S{_TEXT_CHARS['catalog']}")
    return column.name, _DTYPES[column.arrow_type], (length,)


_TEXT_CHARS = {"catalog": 4, "image_id": 29, "time": 24}
