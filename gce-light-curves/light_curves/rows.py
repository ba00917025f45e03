"""Database rows of light curves: one per star, and the set's figures."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from light_curves.files.columns import Arrays, star_columns
from light_curves.measurements import LightCurves

FIGURES = ("gaia_mag", "scatter", "expected_noise", "reduced_chi2", "variability")
"""Columns that may be unknown."""

LIMIT_MAGS = (9.0, 11.0)

Rows = NDArray[np.void]


def star_rows(curves: LightCurves, sequence_id: str, first_rows: NDArray[np.generic]) -> list[Rows]:
    """Return the rows of `star_light_curves`, grouped by filled columns.

    Stars that are on no frame have no row.

    Parameters
    ----------
    curves : LightCurves
    sequence_id : str
    first_rows : ndarray, shape (n,)
        First row of each star in the Parquet file.
    """
    is_on = np.isfinite(curves.fluxes.x_px)
    columns = star_columns(curves, slice(None)) | {
        "first_row": first_rows.astype(np.int32),
        "n_frames": is_on.sum(axis=0).astype(np.int32),
        "n_good": curves.n_good.astype(np.int32),
        "first_time": curves.fluxes.time[is_on.argmax(axis=0)],
        "last_time": curves.fluxes.time[len(is_on) - 1 - is_on[::-1].argmax(axis=0)],
        "quality": np.bitwise_or.reduce(np.where(is_on, curves.quality, 0), axis=0),
        **{name: getattr(curves, name) for name in FIGURES[1:]},
    }
    chosen = np.flatnonzero(is_on.any(axis=0))
    return list(_alike({name: values[chosen] for name, values in columns.items()}, sequence_id))


def n_stars(curves: LightCurves) -> int:
    """Return the number of stars on at least one frame."""
    return int(np.isfinite(curves.fluxes.x_px).any(axis=0).sum())


def photon_limit_ratio(curves: LightCurves) -> float | None:
    """Return the median scatter of bright stars in units of the expected noise."""
    mag, least = curves.fluxes.field.gaia_mag, LIMIT_MAGS[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = curves.scatter / curves.expected_noise
        wanted = (mag >= least) & (mag < LIMIT_MAGS[1]) & np.isfinite(ratio)
    return float(np.median(ratio[wanted])) if wanted.any() else None


def _alike(columns: Arrays, sequence_id: str) -> Iterator[Rows]:
    """Group records by catalog and known figures."""
    known = np.stack([np.isfinite(columns[name]) for name in FIGURES], axis=1)
    keys = np.column_stack([columns["catalog"] == "tic", known])
    for key in np.unique(keys, axis=0):
        own = np.flatnonzero((keys == key).all(axis=1))
        unknown = {name for name, is_known in zip(FIGURES, key[1:], strict=True) if not is_known}
        yield _records(
            {name: values[own] for name, values in columns.items() if name not in unknown},
            sequence_id,
        )


def _records(columns: Arrays, sequence_id: str) -> Rows:
    texts = {"sequence_id": sequence_id.encode(), "catalog": str(columns["catalog"][0]).encode()}
    layout = [
        (name, f"S{len(texts[name])}" if name in texts else values.dtype)
        for name, values in [("sequence_id", columns["picid"]), *columns.items()]
    ]
    records = np.empty(len(columns["picid"]), layout)
    for name in records.dtype.names or ():
        records[name] = texts.get(name, columns.get(name))
    return records
