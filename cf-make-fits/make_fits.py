"""Convert a CR2 to the FITS file that a unit would have uploaded."""

from pathlib import Path

from astropy.io import fits

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.events import ImageObject
from panoptes_network.frames.cr2 import cards
from panoptes_network.frames.cr2.pixels import read_mosaic
from panoptes_network.frames.cr2.structure import read_structure
from panoptes_network.ids import FITS_SUFFIXES, ObjectPath, image_suffix, replace_suffix
from panoptes_network.processing.conversion import (
    Conversion,
    Product,
    Upload,
    find_cr2,
    make_products,
    record_cr2,
)
from panoptes_network.provenance import Origin

SERVICE = "cf-make-fits"
FITS = Product(".fits.fz", "application/fits")


def convert(request: ImageObject) -> Conversion:
    """Write the FITS file of a CR2 beside it, unless the unit has uploaded its own.

    Raises
    ------
    PermanentError
        If the request or the file is invalid; a file's reason is recorded first.
    TransientError
        If storage or database is unavailable.
    """
    upload = find_cr2(request)
    record_cr2(upload)
    own = _own_fits(upload)
    if own:
        return {"image_id": upload.path.image_id, "made": False, "kept": own}
    return make_products(upload, [FITS], write_fits, SERVICE, settings().raw_bucket)


def write_fits(source: Path, path: ObjectPath, folder: Path) -> None:
    """Write the mosaic of the CR2 `source` and its cards, with lossless tile compression."""
    header = cards.header(read_structure(source), path)
    image = fits.CompImageHDU(read_mosaic(source), header, compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(folder / FITS.ending)


def _own_fits(upload: Upload) -> str | None:
    """Return the path of a FITS file of this image that the network did not make."""
    # The CR2 itself may have another spelling of its path.
    stems = {replace_suffix(path, "") for path in (upload.stored.path, upload.path.path)}
    own = (
        stored.path
        for stem in sorted(stems)
        for stored in storage.find_all(upload.stored.bucket, f"{stem}.")
        if image_suffix(stored.path) in FITS_SUFFIXES
        and replace_suffix(stored.path, "") in stems
        and Origin.of(stored) is None
    )
    return next(own, None)
