"""Light curves as the network hands them out: of its file, and of today's raw photometry."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import requests
from numpy.typing import NDArray
from pyarrow import parquet

from panoptes_network.light_curves.schema import BAD, COLOURS

Float64 = NDArray[np.float64]
NORMAL_MAD = 1.4826
"""Standard deviation of normal values in units of their median absolute deviation."""
REQUESTS = 4


@dataclass(frozen=True)
class Curves:
    """Light curves of n stars in f frames; NaN where there is no measurement, or a bad one.

    Attributes
    ----------
    star_id : ndarray, shape (n,), int64
        Sorted.
    bjd_tdb : ndarray, shape (n, f), float64
    flux, flux_err : ndarray, shape (n, f), float64
        Relative, colours combined.
    raw_flux, raw_flux_err : ndarray, shape (n, f, 3), float64
        ADU.
    """

    star_id: NDArray[np.int64]
    bjd_tdb: Float64
    flux: Float64
    flux_err: Float64
    raw_flux: Float64
    raw_flux_err: Float64

    def of(self, star_ids: NDArray[np.int64]) -> "Curves":
        """Return the curves of stars, in their order; all NaN for one that has none."""
        index = np.searchsorted(self.star_id, star_ids).clip(max=len(self.star_id) - 1)
        is_there = self.star_id[index] == star_ids

        def chosen(values: Float64) -> Float64:
            found: Float64 = values[index].copy()
            found[~is_there] = np.nan
            return found

        columns = (self.bjd_tdb, self.flux, self.flux_err, self.raw_flux, self.raw_flux_err)
        return Curves(star_ids, *map(chosen, columns))

    @property
    def photon_limit(self) -> Float64:
        """Noise of a frame by photons of star and sky and by readout, relative, shape (n,).

        It is what the fit of the PSF says, the colours weighted by it.
        """
        relative = np.nanmedian(self.raw_flux_err, axis=1) / np.nanmedian(self.raw_flux, axis=1)
        return np.asarray(1 / np.sqrt(np.nansum(relative**-2, axis=1)))


def read_file(path: Path) -> Curves:
    """Read all stars of a sequence's Parquet file; bad measurements are left out."""
    table = parquet.read_table(path)
    stars, star = np.unique(table["picid"].to_numpy(), return_inverse=True)
    times, frame = np.unique(table["time"].to_numpy(), return_inverse=True)
    is_good = (table["quality"].to_numpy() & int(BAD)) == 0

    def dense(name: str) -> Float64:
        values = np.full((len(stars), len(times)), np.nan)
        values[star[is_good], frame[is_good]] = _numbers(table, name)[is_good]
        return values

    def of_colours(name: str) -> Float64:
        return np.stack([dense(f"{name}_{colour}") for colour in COLOURS], axis=-1)

    return Curves(
        stars,
        dense("bjd_tdb"),
        dense("flux"),
        dense("flux_err"),
        of_colours("raw_flux"),
        of_colours("raw_flux_err"),
    )


def _numbers(table: pa.Table, name: str) -> Float64:
    return np.asarray(table[name].cast("double").to_numpy(), np.float64)


def raw_curves(address: str, sequence_id: str, star_ids: NDArray[np.int64]) -> list[Float64]:
    """Ask observations-data for the raw photometry of stars, colours combined.

    Each colour has the weight that its own scatter gives it, as a reader would do it.

    Returns
    -------
    list of ndarray, shape (frames,), float64
        Relative flux of each star in the frames in which the network found it; perhaps none.
    """

    def one(star: int) -> Float64:
        asked = {"sequence_id": sequence_id, "method": "raw"}
        url = f"{address}/sources/{star}/lightcurve"
        answer = requests.get(url, params=asked, timeout=300)
        return _combined(answer.json()["items"]) if answer.ok else np.empty(0)

    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(one, star_ids.tolist()))


def _combined(items: list[dict[str, Any]]) -> Float64:
    names = [f"relative_{colour}" for colour in COLOURS]
    rows = [[item[name] for name in names] for item in items]
    relative = np.array(rows, np.float64).reshape(-1, 3)
    weights = scatter(relative.T) ** -2.0
    usable = np.isfinite(weights)
    if not usable.any():
        return np.empty(0)
    return np.asarray(relative[:, usable] @ weights[usable] / weights[usable].sum())


def scatter(flux: Float64) -> Float64:
    """Return the standard deviation along the last axis by its median absolute deviation."""
    middle = np.nanmedian(flux, axis=-1, keepdims=True)
    return np.asarray(NORMAL_MAD * np.nanmedian(np.abs(flux - middle), axis=-1))
