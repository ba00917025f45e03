"""Earlier nights of some stars, from other sequences' light-curve files."""

from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from light_curves.search.night import Night
from panoptes_network.arrays import Integers

Number = TypeVar("Number", bound=np.generic)

COLUMNS = ["picid", "gaia_mag", "time", "bjd_tdb", "flux", "flux_err", "quality"]


def read_night(path: Path, picid: Integers) -> tuple[Night, Integers]:
    """Return the light curves of some stars from a sequence's Parquet file.

    Parameters
    ----------
    path : Path
    picid : ndarray, shape (m,), int64
        Requested stars.

    Returns
    -------
    night : Night
    picid : ndarray, shape (n,), int64
        The requested stars that have enough good frames.
    """
    rows = parquet.read_table(path, columns=COLUMNS, filters=[("picid", "in", picid.tolist())])
    column = {name: rows[name].to_numpy() for name in COLUMNS}
    stars, star = np.unique(column["picid"], return_inverse=True)
    times, frame = np.unique(column["time"].astype("datetime64[us]"), return_inverse=True)
    size = (len(stars), len(times))

    def dense(name: str, dtype: type[Number]) -> NDArray[Number]:
        values = np.full(size, np.nan if issubclass(dtype, np.floating) else 0, dtype)
        values[star, frame] = column[name]
        return values

    mags = np.full(len(stars), np.nan, np.float32)
    mags[star] = column["gaia_mag"]
    night = Night.of(
        times,
        dense("bjd_tdb", np.float64),
        dense("flux", np.float32),
        dense("flux_err", np.float32),
        dense("quality", np.int32),
        mags,
    )
    return night, stars[night.star]
