"""Stars detected by source-extractor in a frame."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from light_curves.measurements import CatalogField
from panoptes_network.database.copy import read_copy
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_sets import SolvedImage

_ROW = np.dtype([("is_tic", "?"), ("picid", "i8")])


def is_detected(image: SolvedImage, stars: CatalogField) -> NDArray[np.bool_]:
    """Return which stars have a source of their own in an image, shape (n,).

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    rows = run_transaction(partial(_read, image=image))
    of_tic = np.isin(stars.picid, rows["picid"][rows["is_tic"]])
    of_gaia = np.isin(stars.picid, rows["picid"][~rows["is_tic"]])
    return np.where(stars.is_tic, of_tic, of_gaia)


def _read(session: Session, image: SolvedImage) -> NDArray[np.void]:
    # COPY takes no parameters: the text contains only a number and a time from the database.
    query = f"""
        SELECT catalog = 'tic' AS is_tic, picid FROM sources
        WHERE time = '{image.time.isoformat()}' AND image_key = {image.image_key:d}
            AND is_detected AND picid IS NOT NULL"""  # noqa: S608
    return read_copy(session.connection(), query, _ROW)
