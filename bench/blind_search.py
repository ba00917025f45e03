"""The search of one night over the file of its light curves, judged by the constant stars."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import services  # noqa: F401 - first: it leads to the services' packages
from numpy.typing import NDArray
from pyarrow import parquet

from light_curves.search.night import Night
from light_curves.search.transits import search_transits

LIKE_MAG = 0.4
"""Constant stars so near in brightness say what chance does."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class BlindSearch:
    """The most significant dip of n stars, whatever it is.

    Attributes
    ----------
    star_id : ndarray, shape (n,), int64
        Sorted.
    mag, power : ndarray, shape (n,), float64
        Gaia G; significance squared.
    mid_bjd : ndarray, shape (n,), float64
    """

    star_id: NDArray[np.int64]
    mag: Float64
    power: Float64
    mid_bjd: Float64

    def is_above_chance(self, star: int, is_constant: NDArray[np.bool_], percentile: float) -> bool:
        """Return whether a star surpasses so many percent of the constant ones like it."""
        like = is_constant & (np.abs(self.mag - self.mag[star]) < LIKE_MAG)
        return bool(self.power[star] > np.percentile(self.power[like], percentile))


def search_file(path: Path) -> BlindSearch:
    """Search a sequence's Parquet file as gce-light-curves searches it."""
    table = parquet.read_table(path)
    stars, star = np.unique(table["picid"].to_numpy(), return_inverse=True)
    times, frame = np.unique(table["time"].to_numpy(), return_inverse=True)

    def dense(name: str, dtype: str, fill: float) -> NDArray[Any]:
        values = np.full((len(stars), len(times)), fill, dtype)
        values[star, frame] = table[name].cast("double").to_numpy()
        return values

    mag = np.full(len(stars), np.nan, np.float32)
    mag[star] = table["gaia_mag"].to_numpy()
    night = Night.of(
        times,
        dense("bjd_tdb", "f8", np.nan),
        dense("flux", "f4", np.nan),
        dense("flux_err", "f4", np.nan),
        dense("quality", "i4", np.iinfo(np.int32).max),
        mag,
    )
    search = search_transits(night)
    if search is None:
        raise ValueError(f"{path} has nothing to search")
    mids = np.array([search.box(number).mid_d for number in range(len(night))])
    return BlindSearch(
        stars[night.star],
        night.gaia_mag.astype(np.float64),
        np.asarray(search.power, np.float64),
        mids + night.bjd_offset_d,
    )
