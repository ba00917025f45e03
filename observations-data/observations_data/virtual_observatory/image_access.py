"""Simple Image Access 2.0: selection of frames by a request's parameters.

Values of one parameter are combined by OR, different parameters by AND. ObsCore values common to
all frames (wavelengths, type, collection) are compared here, the others in the database. `regions`
decides which of the footprints found by an index meet a region.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow
from observations_data.files import OFFERED_RAW_PATH
from observations_data.virtual_observatory import obscore
from observations_data.virtual_observatory.arcs import Vectors
from observations_data.virtual_observatory.dali import FoundRows, Interval, Query, UsageFault
from observations_data.virtual_observatory.identifiers import Product, parse_dataset_id
from observations_data.virtual_observatory.newest import newest_images
from observations_data.virtual_observatory.positions import regions
from observations_data.virtual_observatory.regions import REACH_DEG, Region
from panoptes_network.arrays import Mask
from panoptes_network.database.models import Image, Sequence
from panoptes_network.database.times import has_plausible
from panoptes_network.sky.zones import is_in_box

Wanted = dict[Product, set[str] | None]

CONSTANT_TEXTS = {
    "COLLECTION": obscore.COLLECTION,
    "DPTYPE": obscore.DATA_TYPE,
    "FORMAT": obscore.ACCESS_FORMAT,
}
CONSTANT_INTERVALS = {
    "BAND": (obscore.SHORTEST_M, obscore.LONGEST_M),
    "SPECRP": (obscore.RESOLVING_POWER, obscore.RESOLVING_POWER),
}
NAMES = {
    "FACILITY": Sequence.unit_id,
    "INSTRUMENT": Sequence.camera_id,
    "TARGET": Sequence.field,
}
FIGURES = {
    "SPATRES": Image.fwhm_px * Image.pixel_scale_arcsec,
    "EXPTIME": Image.exptime_s,
    "TIMERES": Image.exptime_s,
}
MJD_0 = datetime(1858, 11, 17, tzinfo=UTC)
FIRST_MJD, LAST_MJD = -600_000.0, 2_900_000.0
"""The years 216 to 9798: the common range of datetime and the database."""


def frames(session: Session, query: Query) -> FoundRows:
    """Return the matching rows, newest first, one more than requested.

    `is_cut` means that the search ended before it had checked every image.

    Raises
    ------
    UsageFault
        For an invalid parameter.
    """
    wanted = _wanted_products(query)
    around = regions(query)
    conditions = [_has_one(wanted), *_conditions(query), *_boxes(around)]
    keep = _footprint_filter(around, query.intervals("FOV"))
    if not _are_constants_met(query) or not query.maxrec:
        return {"rows": [], "is_cut": False}
    images, is_whole = newest_images(session, conditions, keep, query.maxrec + 1)
    rows = session.execute(
        select(*obscore.SELECTED)
        .join(Sequence, Sequence.sequence_id == Image.sequence_id)
        .where(Image.image_key.in_(images))
        .order_by(Image.time.desc(), Image.image_key.desc())
    )
    found = obscore.rows_of(rows.all(), partial(_of_image, wanted))
    return {"rows": found[: query.maxrec + 1], "is_cut": not is_whole}


def _wanted_products(query: Query) -> Wanted:
    """Return the frames allowed by ID and CALIB: for each product, the images, or all."""
    levels = {str(_level(value)) for value in query.texts("CALIB")}
    named = [parse_dataset_id(value) for value in query.texts("ID")]
    wanted: Wanted = {}
    for product, level in obscore.CALIBRATION.items():
        if not levels or str(level) in levels:
            ids = {one[1] for one in named if one and one[0] is product}
            wanted[product] = ids if named else None
    return wanted


def _level(value: str) -> int:
    if value not in {"0", "1", "2", "3", "4"}:
        raise UsageFault("CALIB must be a level from 0 to 4")
    return int(value)


def _of_image(wanted: Wanted, image: AnyRow) -> list[Product]:
    return [product for product, ids in wanted.items() if ids is None or image.image_id in ids]


def _has_one(wanted: Wanted) -> ColumnElement[bool]:
    """Return the condition that an image has one of the requested frames."""
    paths = {Product.SOLVED: Image.solved_path, Product.RAW: OFFERED_RAW_PATH}
    ways = []
    for product, ids in wanted.items():
        is_there = paths[product].is_not(None)
        ways.append(is_there if ids is None else and_(is_there, Image.image_id.in_(ids)))
    return or_(false(), *ways)


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    """Return the database conditions; for each given parameter, any of its values."""
    conditions = [has_plausible(Image.time)]
    conditions += [or_(*map(_overlaps, times)) for times in [query.intervals("TIME")] if times]
    for name, figure in FIGURES.items():
        if intervals := query.intervals(name):
            conditions.append(or_(*(figure.between(*interval) for interval in intervals)))
    if query.intervals("EXPTIME") or query.intervals("TIMERES"):
        conditions.append(obscore.IS_TIMED)
    named = {name: query.texts(name) for name in NAMES if query.texts(name)}
    if named:
        sequences = select(Sequence.sequence_id).where(
            *(NAMES[name].in_(texts) for name, texts in named.items())
        )
        conditions.append(Image.sequence_id.in_(sequences))
    return conditions


def _overlaps(interval: Interval) -> ColumnElement[bool]:
    """Return the condition that an exposure overlaps an interval, MJD."""
    first, last = (MJD_0 + timedelta(days=min(max(mjd, FIRST_MJD), LAST_MJD)) for mjd in interval)
    end = func.extract("epoch", Image.time) + Image.exptime_s
    return and_(
        # The second condition uses the index, the third is exact.
        Image.time <= last,
        Image.time >= first - timedelta(seconds=obscore.LONGEST_S),
        end >= first.timestamp(),
        obscore.IS_TIMED,
    )


def _boxes(around: list[Region]) -> list[ColumnElement[bool]]:
    """Return the condition that an image's centre is near one of the regions."""
    near = [is_in_box(Image.ra_deg, Image.dec_deg, one.box(REACH_DEG)) for one in around]
    return [or_(*near)] if near else []


def _footprint_filter(
    around: list[Region], fields: list[Interval]
) -> Callable[[Vectors], Mask] | None:
    """Return a filter for footprints that meet a region and have a requested size, or None."""
    if not around and not fields:
        return None

    def keep(corners: Vectors) -> Mask:
        sizes = obscore.fields_of_view(corners)
        met = np.isfinite(sizes)
        if around:
            met &= np.any([one.meets(corners) for one in around], axis=0)
        if fields:
            met &= np.any([(low <= sizes) & (sizes <= high) for low, high in fields], axis=0)
        return met

    return keep


def _are_constants_met(query: Query) -> bool:
    """Return whether the values common to all frames match; they have no polarization."""
    texts = all(
        value in query.texts(name) for name, value in CONSTANT_TEXTS.items() if query.texts(name)
    )
    intervals = all(
        any(low <= last and first <= high for low, high in query.intervals(name))
        for name, (first, last) in CONSTANT_INTERVALS.items()
        if query.intervals(name)
    )
    return texts and intervals and not query.texts("POL")
