"""A cutout of a frame as a FITS file, with cards that give its origin."""

import io
import re
from datetime import datetime
from typing import TypedDict

from astropy.io import fits

from observations_data.cutouts.frame_region import FrameRegion
from observations_data.stars.light_curves import DAY, MJD_EPOCH
from panoptes_network.frames.bayer import BLACK_LEVEL_ADU, SATURATION_ADU
from panoptes_network.responses.values import Time
from panoptes_network.storage import StoredObject


class SolvedImage(TypedDict):
    """A solved image: its id and time, the path of its solved file, and its field."""

    image_id: str
    time: Time
    solved_path: str
    field: str | None


STORAGE_CARDS = ("BSCALE", "BZERO", "EXTNAME", "EXTVER", "CHECKSUM", "DATASUM", "ZHECKSUM")
"""Storage cards of the original file; astropy writes those of the new one."""


def cutout_file(piece: FrameRegion, image: SolvedImage, stored: StoredObject) -> bytes:
    """Return a cutout as a FITS file with the frame's cards, adapted, and its origin.

    Parameters
    ----------
    piece : FrameRegion
    image : SolvedImage
    stored : StoredObject
        The file that the cutout was read from.

    Notes
    -----
    LTV and LTM are IRAF's: a pixel of the cutout is LTM times that of the frame, plus LTV.
    """
    header = piece.header.copy()
    for name in STORAGE_CARDS:
        header.remove(name, ignore_missing=True)
    for axis, first in ((1, piece.x_px), (2, piece.y_px)):
        header[f"CRPIX{axis}"] -= first
        header[f"LTV{axis}"] = (float(-first), "pixel of this cutout = that of the frame + LTV")
        header[f"LTM{axis}_{axis}"] = 1.0
    _add_origin(header, piece, image, stored)
    written = io.BytesIO()
    made = fits.PrimaryHDU(piece.pixels, header)
    made.writeto(written, output_verify="silentfix", checksum=True)
    return written.getvalue()


def _add_origin(
    header: fits.Header, piece: FrameRegion, image: SolvedImage, stored: StoredObject
) -> None:
    if image["field"]:
        header["OBJECT"] = (_ascii(image["field"]), "field that was pointed at")
    header["IMAGEID"] = (image["image_id"], "the frame")
    time = datetime.fromisoformat(image["time"])
    said = time.replace(tzinfo=None).isoformat(timespec="seconds")  # strftime has no year 0001
    header["DATE-OBS"] = (said, "start of the exposure, by the frame's id")
    header["MJD-OBS"] = ((time - MJD_EPOCH) / DAY, "the same")
    header["TIMESYS"] = ("UTC", "scale of both")
    header["BUNIT"] = ("adu", "black level included")
    header["BLACKLEV"] = (BLACK_LEVEL_ADU, "[adu] of an unexposed pixel")
    header["SATURATE"] = (SATURATION_ADU, "[adu] plateau of saturated pixels")
    header["BAYERPAT"] = ("GBRG", "first row of the data G B G B, second R G R G")
    header["XBAYROFF"] = (0, "the cutout starts like the frame")
    header["YBAYROFF"] = (0, "the cutout starts like the frame")
    height, width = piece.pixels.shape
    header.add_history(f"Cutout of {_ascii(stored.path)},")
    header.add_history(f"generation {stored.generation}:")
    header.add_history(f"{width}x{height} pixels from ({piece.x_px}, {piece.y_px}) on, 0-based")


def _ascii(text: str) -> str:
    """Return text in a form that FITS allows (Standard 4.0, section 4.2.1)."""
    return re.sub("[^ -~]", "?", text)
