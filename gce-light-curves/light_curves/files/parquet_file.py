"""The Parquet file of a sequence's light curves."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from light_curves.blocks import blocks
from light_curves.files.columns import frame_columns, measurement_columns, on_frame, star_columns
from light_curves.measurements import LightCurves
from panoptes_network.light_curves.parquet_file import LightCurveWriter

STARS_AT_ONCE = 512


def write_parquet(path: Path, curves: LightCurves) -> NDArray[np.generic]:
    """Write all stars, in the order of the field, and return the first row of each.

    Memory holds `STARS_AT_ONCE` stars at a time.
    """
    first_rows = []
    with LightCurveWriter(path, frame_columns(curves)) as writer:
        for chosen in blocks(len(curves.fluxes.field), STARS_AT_ONCE):
            columns = star_columns(curves, chosen), measurement_columns(curves, chosen)
            first_rows.append(writer.write(*columns, on_frame(curves, chosen)))
    return np.concatenate(first_rows)
