"""Render a picture, a preview and a thumbnail of an image, from its CR2 or FITS file."""

from pathlib import Path

import numpy as np
from PIL import Image

from panoptes_network.config import settings
from panoptes_network.events import ImageObject
from panoptes_network.frames.mosaic import read_image
from panoptes_network.ids import ObjectPath
from panoptes_network.pictures.caption import with_caption
from panoptes_network.pictures.render import colour_planes, measure_look, render, resize, thumbnail
from panoptes_network.processing.conversion import Conversion, Product, find_image, make_products
from panoptes_network.provenance import Origin
from panoptes_network.states import FileKind

SERVICE = "cf-make-jpg"
PICTURE = Product(".jpg", "image/jpeg", FileKind.PICTURE)
PREVIEW = Product("_preview.jpg", "image/jpeg", FileKind.PREVIEW)
THUMBNAIL = Product("_thumb.jpg", "image/jpeg", FileKind.THUMBNAIL)

PREVIEW_WIDTH = 1280
"""Width on a page, and in links elsewhere."""
_QUALITY, _PREVIEW_QUALITY, _THUMBNAIL_QUALITY = 88, 72, 75
"""JPEG quality, at most 95; higher values keep invisible noise, lower ones show blocks in the sky.

Previews are the largest part of the first page. Thumbnails are shown reduced, fifty per page: this
saves a third of the bytes without visible loss.
"""


def convert(request: ImageObject) -> Conversion:
    """Make the pictures of an image, unless they exist.

    A FITS file that the network made from a CR2 is left to that CR2's event, and a picture made
    from a CR2 is not replaced by one from a FITS file.

    Raises
    ------
    PermanentError
        If the request or the file is invalid; a file's reason is recorded first.
    TransientError
        If storage or database is unavailable.
    """
    upload = find_image(request)
    made_from = Origin.of(upload.stored)
    if made_from is not None:
        return {"image_id": upload.path.image_id, "made": False, "made_from": made_from.path}
    products, bucket = [PICTURE, PREVIEW, THUMBNAIL], settings().processed_bucket
    return make_products(upload, products, write_pictures, SERVICE, bucket)


def write_pictures(source: Path, path: ObjectPath, folder: Path) -> None:
    """Write the pictures of the file `source` as JPEG."""
    mosaic, balance = read_image(source, is_cr2=path.is_raw)
    planes = colour_planes(mosaic)
    picture = Image.fromarray(render(planes, measure_look(planes, balance)))
    field = " ".join(filter(None, [path.field, path.unit_id, path.camera_id]))
    captioned = with_caption(picture, field, f"{path.image_time:%Y-%m-%d %H:%M:%S} UTC")
    _save(captioned, folder / PICTURE.ending, _QUALITY)
    wide = Image.fromarray(resize(np.asarray(picture), min(PREVIEW_WIDTH, picture.width)))
    _save(wide, folder / PREVIEW.ending, _PREVIEW_QUALITY)
    small = Image.fromarray(thumbnail(planes, balance))
    _save(small, folder / THUMBNAIL.ending, _THUMBNAIL_QUALITY)


def _save(picture: Image.Image, path: Path, quality: int) -> None:
    # Progressive: slow connections show the whole picture at once, coarse first.
    picture.save(path, "JPEG", quality=quality, progressive=True, optimize=True)
