"""An observation with all that the viewers show: pictures, solutions, sources and their stamps."""

import io
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from astropy.io import fits
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from panoptes_network.database.models import ImageFile
from panoptes_network.pictures.caption import with_caption
from panoptes_network.pictures.render import colour_planes, measure_look, render
from panoptes_network.states import FileKind, ImageState
from tests.service.support.star_fields import (
    SIZE,
    WCS,
    StarField,
    add_catalog_star,
    add_stars,
    mosaic,
)
from tests.service.support.web_services import add_observation, rows, storage_at, store

FRAMES = 12
SOLVED_PATH = "PAN001/M42/14d3bd/20181011T134202/solved.fits.fz"
FIELD = StarField(dip=0.2)
SOLVED: dict[str, Any] = {
    "state": ImageState.SOURCES_EXTRACTED,
    "exptime_s": 120.4,
    "solved_path": SOLVED_PATH,
    "ra_deg": 83.8,
    "dec_deg": -5.4,
    "pixel_scale_arcsec": 10.29,
    "rotation_deg": 70.0,
    "footprint_deg": [83.2, -6.0, 84.4, -6.0, 84.4, -4.8, 83.2, -4.8],
    "rms_arcsec": 1.6,
    "n_sources": 41,
    "n_matched": 40,
    "n_stamps": 40,
    "fwhm_px": 2.4,
    "background_adu": 115.0,
    "limiting_mag": 13.7,
    "zero_point_mag": 20.45,
    "headers": {"FIELD": "<b>M42</b>", "AIRMASS": 1.25, "EXPTIME": 120.4, "ISBIAS": False},
    "files": {FileKind.PICTURE: 1, FileKind.PREVIEW: 1, FileKind.THUMBNAIL: 1},
}
UNSOLVED: dict[str, Any] = {
    "state": ImageState.UNSOLVED,
    "reason_code": "too_few_sources",
    "reason": "only 3 stars were found",
    "headers": {"FIELD": "M42"},
    "header_findings": {"EXPTIME": {"header": "<-1>", "problem": "is not seconds"}},
}


@dataclass(frozen=True)
class Viewed:
    """The observation's id and those of its images, oldest first; the last one is unsolved."""

    sequence_id: str
    image_ids: list[str]


def add_viewed_observation(db: Engine, storage_port: int) -> Viewed:
    """Put an observation into the database, and its files into the storage."""
    with rows(db) as session:
        columns = [{**SOLVED, "fwhm_px": 2.4 + frame / 50} for frame in range(FRAMES)]
        sequence_id = add_observation(session, images=columns)
        image_ids = add_stars(session, sequence_id, FIELD)
        add_catalog_star(session, FIELD.first_picid)
        _add_unsolved(session)
        files = session.scalars(select(ImageFile)).all()
    with storage_at(storage_port):
        store("panoptes-processed", SOLVED_PATH, solved_file())
        for file in files:
            store(file.bucket, file.path, picture(image_ids.index(file.image_id)))
    return Viewed(sequence_id, image_ids)


def _add_unsolved(session: Session) -> None:
    """Add another camera's observation of the same time."""
    add_observation(session, camera_id="ee04d1", images=[{"state": ImageState.SOLVED}, UNSOLVED])


@cache
def picture(frame: int) -> bytes:
    """Return a frame's picture, made as cf-make-jpg makes it."""
    planes = colour_planes(mosaic(FIELD, frame))
    balance = (1.0, 1.0, 1.0)
    shown = Image.fromarray(render(planes, measure_look(planes, balance)))
    written = io.BytesIO()
    with_caption(shown, "M42", "UTC").save(written, "JPEG")
    return written.getvalue()


@cache
def solved_file() -> bytes:
    """Return a frame as the plate solver stores it: compressed, with SIP and CD cards."""
    header = WCS.to_header(relax=True)
    for axis in (1, 2):
        for other in (1, 2):
            header.remove(f"PC{axis}_{other}", ignore_missing=True)
            header[f"CD{axis}_{other}"] = WCS.wcs.cd[axis - 1, other - 1]
    written = io.BytesIO()
    hdu = fits.CompImageHDU(np.zeros((SIZE, SIZE), np.uint16), header, compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(written)
    return written.getvalue()
