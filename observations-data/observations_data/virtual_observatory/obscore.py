"""An image's frames as rows of ObsCore 1.1; `obscore_table` has its columns.

A solved frame has ``calib_level`` 2: its plate solution is known, its pixels are unchanged. The raw
one has 1.
"""

import math
from collections.abc import Callable
from collections.abc import Sequence as Rows

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import Float, cast, func, literal_column

from observations_data.data_tables import Row
from observations_data.database import AnyRow
from observations_data.files import OFFERED_RAW_PATH, file_in
from observations_data.virtual_observatory.arcs import Vectors
from observations_data.virtual_observatory.identifiers import Product, dataset_id
from panoptes_network.database.models import Image, Sequence
from panoptes_network.sky.directions import unit_vectors
from panoptes_network.web.public_url import absolute

COLLECTION = "PANOPTES"
DATA_TYPE = "image"
ACCESS_FORMAT = "application/fits"
CALIBRATION = {Product.SOLVED: 2, Product.RAW: 1}
LONGEST_S = 86400
"""A longer exposure is an error in the header."""
SHORTEST_M, LONGEST_M = 400e-9, 700e-9
"""Nominal wavelengths of the cameras' three colours between their blocking filters."""
RESOLVING_POWER = (SHORTEST_M + LONGEST_M) / 2 / (LONGEST_M - SHORTEST_M)
UNIX_EPOCH_MJD = 40587.0
DAY_S = 86400.0

_CONSTANT: Row = {
    "dataproduct_type": DATA_TYPE,
    "obs_collection": COLLECTION,
    "access_format": ACCESS_FORMAT,
    "t_xel": 1,
    "em_min": SHORTEST_M,
    "em_max": LONGEST_M,
    "em_res_power": RESOLVING_POWER,
    "em_xel": 1,
    "o_ucd": "phot.count;em.opt",
    "pol_xel": 0,
}
_NOWHERE = [math.nan] * 8

IS_TIMED = Image.exptime_s.between(0, LONGEST_S)
SELECTED = (
    Image.image_id,
    Image.sequence_id,
    OFFERED_RAW_PATH.label("bucket_path"),
    Image.solved_path,
    Image.ra_deg,
    Image.dec_deg,
    Image.footprint_deg,
    Image.pixel_scale_arcsec,
    Image.fwhm_px,
    Sequence.unit_id,
    Sequence.camera_id,
    Sequence.field,
    (cast(func.extract("epoch", Image.time), Float(53)) / literal_column("86400.0")).label("days"),
    Image.exptime_s,
    Image.headers["NAXIS1"].astext.label("width"),
    Image.headers["NAXIS2"].astext.label("height"),
)
"""Columns required by `rows_of`."""


def corners_of(footprints_deg: ArrayLike) -> Vectors:
    """Return footprints as unit vectors.

    Parameters
    ----------
    footprints_deg : array_like, shape (n, 8)
        Right ascension and declination of four corners each.

    Returns
    -------
    ndarray, shape (n, 4, 3), float64
        NaN if a value is missing or not finite.
    """
    corners = np.array(footprints_deg, dtype=np.float64).reshape(-1, 4, 2)
    corners[~np.isfinite(corners)] = np.nan
    return unit_vectors(corners[..., 0], corners[..., 1])


def fields_of_view(corners: Vectors) -> Vectors:
    """Return the diagonals of footprints, degrees, shape (n,): the circle around a frame."""
    chords = np.linalg.norm(corners[:, :2] - corners[:, 2:], axis=-1).max(axis=-1)
    found: Vectors = np.degrees(2 * np.arcsin(np.clip(chords / 2, 0, 1)))
    return found


def rows_of(images: Rows[AnyRow], products_of: Callable[[AnyRow], list[Product]]) -> list[Row]:
    """Return the rows of images' existing frames, in the order of `products_of`."""
    known = [_known_footprint(image) for image in images]
    fields = fields_of_view(corners_of([footprint or _NOWHERE for footprint in known]))
    return [
        row
        for image, footprint, field in zip(images, known, fields.tolist(), strict=True)
        for row in _frames_of(image, products_of(image), _place(image, footprint, field))
    ]


def _frames_of(row: AnyRow, products: list[Product], place: Row) -> list[Row]:
    paths = {
        Product.SOLVED: ("processed", row.solved_path),
        Product.RAW: ("raw", row.bucket_path),
    }
    shared = {**_CONSTANT, **place, **_time(row), **_names(row)}
    return [
        {**shared, **_frame(row, product, *paths[product])}
        for product in products
        if paths[product][1]
    ]


def _names(row: AnyRow) -> Row:
    return {
        "obs_id": row.sequence_id,
        "target_name": row.field,
        "facility_name": row.unit_id,
        "instrument_name": row.camera_id,
    }


def _frame(row: AnyRow, product: Product, bucket: str, path: str) -> Row:
    return {
        "calib_level": CALIBRATION[product],
        "obs_publisher_did": dataset_id(product, row.image_id),
        "obs_title": f"{row.field or row.sequence_id}, {row.image_id}, {product}",
        "access_url": absolute(file_in(bucket, path)["url"]),
    }


def _known_footprint(row: AnyRow) -> list[float] | None:
    footprint = row.footprint_deg or []
    return footprint if len(footprint) == 8 and all(map(_is_finite, footprint)) else None


def _place(row: AnyRow, footprint: list[float] | None, field_deg: float) -> Row:
    scale = row.pixel_scale_arcsec
    return {
        "s_ra": row.ra_deg,
        "s_dec": row.dec_deg,
        "s_fov": field_deg if footprint else None,
        "s_region": " ".join(["POLYGON ICRS", *map(str, footprint)]) if footprint else None,
        "s_xel1": _pixels(row.width),
        "s_xel2": _pixels(row.height),
        "s_pixel_scale": scale,
        "s_resolution": row.fwhm_px * scale if row.fwhm_px and scale else None,
    }


def _time(row: AnyRow) -> Row:
    start = row.days + UNIX_EPOCH_MJD
    lasts = row.exptime_s
    if lasts is None or not 0 <= lasts <= LONGEST_S:
        return {"t_min": start}
    end = start + lasts / DAY_S
    return {"t_min": start, "t_max": end, "t_exptime": lasts, "t_resolution": lasts}


def _is_finite(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


def _pixels(card: str | None) -> int | None:
    return int(card) if card and card.isascii() and card.isdigit() and len(card) < 9 else None
