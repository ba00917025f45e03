"""Make three FITS files, red, green and blue, from a CR2."""

from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits

from panoptes_network.config import settings
from panoptes_network.events import ImageObject
from panoptes_network.frames.cr2 import cards
from panoptes_network.frames.cr2.pixels import interpolate
from panoptes_network.frames.cr2.structure import read_structure
from panoptes_network.frames.fits_header import CardValue
from panoptes_network.ids import ObjectPath
from panoptes_network.processing.conversion import Conversion, Product, find_cr2, make_products
from panoptes_network.states import FileKind
from rawpy_options import RawpyOptions

SERVICE = "cf-make-rgb-fits"
MEDIA_TYPE = "application/fits"
PLANES = {
    "R": Product("_r.fits.fz", MEDIA_TYPE, FileKind.RED),
    "G": Product("_g.fits.fz", MEDIA_TYPE, FileKind.GREEN),
    "B": Product("_b.fits.fz", MEDIA_TYPE, FileKind.BLUE),
}


class RgbRequest(ImageObject):
    """A CR2, and optionally the demosaicing options."""

    rawpy_options: RawpyOptions | None = None


def convert(request: RgbRequest) -> Conversion:
    """Make the colour planes of a CR2, unless they exist.

    A request without options accepts planes with any options; one with options gets planes made
    with them.

    Raises
    ------
    PermanentError
        If the request or the file is invalid; a file's reason is recorded first.
    TransientError
        If storage or database is unavailable.
    """
    options = request.rawpy_options or RawpyOptions()
    asked_for = "" if request.rawpy_options is None else options.model_dump_json(exclude_none=True)
    upload = find_cr2(request)
    work = partial(write_planes, options=options)
    products, bucket = list(PLANES.values()), settings().processed_bucket
    return make_products(upload, products, work, SERVICE, bucket, options=asked_for)


def write_planes(source: Path, path: ObjectPath, folder: Path, options: RawpyOptions) -> None:
    """Write the colours of the CR2 `source`, each as a tile-compressed FITS file."""
    header = cards.header(read_structure(source), path)
    rgb = interpolate(source, options.parameters)
    for number, (colour, product) in enumerate(PLANES.items()):
        header.update(_plane_cards(colour, options))
        plane = np.ascontiguousarray(rgb[..., number])
        image = fits.CompImageHDU(plane, header, compression_type="RICE_1")
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(folder / product.ending)


def _plane_cards(colour: str, options: RawpyOptions) -> dict[str, tuple[CardValue, str]]:
    """Return the cards that distinguish a plane from a frame."""
    algorithm = "HALF_SIZE" if options.half_size else options.demosaic_algorithm
    return {
        "FILTER": (colour, "Colour of this plane"),
        "INTERPOL": (not options.half_size, "Most of the pixels are interpolated"),
        "DEMOSAIC": (algorithm, "By LibRaw"),
        "PHOTOMET": (False, "Interpolated: not for photometry"),
        "BLKLEVEL": (options.black_level_adu, "Black level, unless options scale it"),
        "RAWPYOPT": (options.model_dump_json(exclude_none=True), ""),
    }
