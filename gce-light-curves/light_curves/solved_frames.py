"""The solved frames of a sequence: selection, positions and pixels."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from light_curves.airmass import airmass
from light_curves.measurements import Exposure
from panoptes_network import storage
from panoptes_network.arrays import Floats
from panoptes_network.config import settings
from panoptes_network.database.light_curve_sets import MIN_FRAMES, Site, SolvedImage
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.fits_header import CardValue, read_image_header
from panoptes_network.frames.frame import MAX_FRAME_BYTES, read_frame
from panoptes_network.processing import isolation
from panoptes_network.provenance import Origin
from panoptes_network.sky.directions import unit_vectors
from panoptes_network.storage import StoredObject

TIME_LIMIT_S = 300
"""Wall-clock limit for the pixels of one file: a full frame takes 0.3 s."""

MARGIN_PX = 40.0
"""Stars up to this far beyond the edge still have light on the frame."""

DISTORTION_PX = 200.0
"""Upper limit of the lens's shift of a star at the edge, plus the margin."""

PRECISION_PX = 1e-4

MAX_APART = np.timedelta64(18, "h")
MAX_APART_DEG = 20.0
"""A frame far from most in time or position has a wrong clock or a wrong solution. The work grows
with the frames' time span and with the area of sky to read.
"""

_PROJECTION = re.compile(
    r"(CTYPE|CUNIT|CRVAL|CRPIX)[12]|CD[12]_[12]|RADESYS|LONPOLE|LATPOLE|WCSAXES"
    r"|(A|B|AP|BP)_(ORDER|\d_\d)"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SolvedFrame:
    """A measurable frame: its object, size (height, width), projection and properties."""

    image: SolvedImage
    stored: StoredObject
    shape: tuple[int, int]
    wcs: WCS
    exposure: Exposure

    def places(self, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats]:
        """Return the 0-based pixels of stars; NaN for those without light on the frame.

        Stars near the frame are selected without distortion. For these, the projection itself is
        inverted, to `PRECISION_PX`: the inverse polynomial in a file is less exact.
        """
        sky = np.stack([ra_deg, dec_deg], axis=1)
        size = np.array(self.shape[::-1])
        with np.errstate(invalid="ignore"):
            offset = np.abs(self.wcs.wcs_world2pix(sky, 0) - (size - 1) / 2)
            near = (offset < size / 2 + DISTORTION_PX).all(axis=1)
        places = np.full((len(sky), 2), np.nan)
        if near.any():
            places[near] = self.wcs.all_world2pix(sky[near], 0, tolerance=PRECISION_PX, quiet=True)
        beyond = (places < -MARGIN_PX) | (places > size - 1 + MARGIN_PX)
        places[beyond.any(axis=1)] = np.nan
        return places[:, 0].copy(), places[:, 1].copy()

    @property
    def centre_deg(self) -> tuple[float, float]:
        """ICRS degrees of the frame's centre."""
        height, width = self.shape
        [[ra_deg, dec_deg]] = self.wcs.all_pix2world([[(width - 1) / 2, (height - 1) / 2]], 0)
        return float(ra_deg), float(dec_deg)


def find_frames(images: Sequence[SolvedImage], site: Site | None) -> list[SolvedFrame]:
    """Return the frames of the most common size, in order of time.

    Frames with missing or damaged files are skipped, and so are those of another size, time or
    position than most; the log says which and why. Only headers are read.

    Raises
    ------
    PermanentError
        NO_SOLVED_FRAMES or TOO_FEW_FRAMES.
    TransientError
        If storage is unavailable.
    """
    if not images:
        raise PermanentError(
            Reason.NO_SOLVED_FRAMES, "no frame of this sequence has a plate solution"
        )
    looked_at = (_look_at(image, site) for image in images)
    frames = [frame for frame in looked_at if frame is not None]
    if not frames:
        raise _too_few(0, len(images))
    [(shape, _)] = Counter(frame.shape for frame in frames).most_common(1)
    for frame in frames:
        if frame.shape != shape:
            size, usual = (f"{width}x{height}" for height, width in (frame.shape, shape))
            left_out(frame.exposure.image_id, f"it has {size} pixels, most have {usual}")
    alike = together([frame for frame in frames if frame.shape == shape])
    check_enough(len(alike), len(images))
    return alike


def check_enough(frames: int, images: int) -> None:
    """Refuse with TOO_FEW_FRAMES if there are not enough frames for light curves."""
    if frames < MIN_FRAMES:
        raise _too_few(frames, images)


def read_pixels(frame: SolvedFrame, folder: Path) -> NDArray[np.uint16] | None:
    """Return a frame's pixels, ``[y, x]``; log and return None if they are damaged.

    Raises
    ------
    TransientError
        If storage is unavailable, or reading took too long.
    """
    file, pixels = folder / "frame.fits.fz", folder / "pixels.raw"
    try:
        storage.download(frame.stored, file, MAX_FRAME_BYTES)
        isolation.run(_unpack, TIME_LIMIT_S, file, pixels, frame.shape)
    except PermanentError as error:
        left_out(frame.exposure.image_id, error.message)
        return None
    return np.fromfile(pixels, np.uint16).reshape(frame.shape)


def left_out(image_id: str, why: str) -> None:
    """Log that a frame is not measured."""
    _log.warning("left out: %s", why, extra={"image_id": image_id})


def _look_at(image: SolvedImage, site: Site | None) -> SolvedFrame | None:
    try:
        return _solved_frame(image, site)
    except PermanentError as error:
        left_out(image.image_id, error.message)
        return None


def _solved_frame(image: SolvedImage, site: Site | None) -> SolvedFrame:
    stored = storage.find(settings().processed_bucket, image.solved_path)
    origin = Origin.of(stored)
    if origin is None or origin.generation != image.generation:
        raise PermanentError(Reason.OBJECT_MISSING, "its solved file belongs to another upload")
    header = read_image_header(partial(storage.read_range, stored))
    if not header.is_frame:
        raise PermanentError(Reason.WRONG_SHAPE, "its solved file has no frame")
    wcs = _projection(header.cards)
    exptime_s = image.exptime_s
    if exptime_s is None or exptime_s <= 0:
        raise PermanentError(Reason.BAD_REQUEST, "its exposure time is unknown")
    middle = image.time + timedelta(seconds=exptime_s / 2)
    time = np.datetime64(middle.astimezone(UTC).replace(tzinfo=None), "us")
    height, width = header.shape
    exposure = Exposure(image.image_id, time, exptime_s, np.nan)
    frame = SolvedFrame(image, stored, (height, width), wcs, exposure)
    if site is None:
        return frame
    looked_through = airmass(*frame.centre_deg, middle, site)
    return replace(frame, exposure=replace(exposure, airmass=looked_through))


def _projection(cards: dict[str, CardValue]) -> WCS:
    own = {name: value for name, value in cards.items() if _PROJECTION.fullmatch(name)}
    header = fits.Header(own)
    try:
        wcs = WCS(header)
    except Exception as error:
        # astropy raises various errors for contradictory cards.
        raise PermanentError(
            Reason.NOT_SOLVED, f"the projection in its file cannot be read ({error})"
        ) from error
    if not wcs.has_celestial:
        raise PermanentError(Reason.NOT_SOLVED, "its file has no plate solution")
    return wcs


def _unpack(source: Path, target: Path, shape: tuple[int, int]) -> None:
    """Write the pixels of a file, row by row; runs in the other process."""
    mosaic = read_frame(source).mosaic
    if mosaic.shape != shape:
        raise PermanentError(Reason.WRONG_SHAPE, "its number of pixels differs from its header")
    target.write_bytes(mosaic.data)


def together(frames: list[SolvedFrame]) -> list[SolvedFrame]:
    """Return the frames, at least one, close to most of the others in time and position."""
    times = np.array([frame.exposure.time for frame in frames], "datetime64[us]")
    vectors = unit_vectors(*np.array([frame.centre_deg for frame in frames]).T)
    cosines = np.nan_to_num(vectors @ vectors.T, nan=-1.0)
    middle = np.median(cosines, axis=1).argmax()
    is_near = cosines[middle] >= np.cos(np.radians(MAX_APART_DEG))
    is_near &= np.abs(times - np.sort(times)[len(times) // 2]) <= MAX_APART
    for frame, is_kept in zip(frames, is_near, strict=True):
        if not is_kept:
            left_out(frame.exposure.image_id, "its time or position differs from most")
    return [frame for frame, is_kept in zip(frames, is_near, strict=True) if is_kept]


def _too_few(frames: int, images: int) -> PermanentError:
    return PermanentError(
        Reason.TOO_FEW_FRAMES,
        f"light curves need {MIN_FRAMES} solved frames of one size; of the {images} of this"
        f" sequence {frames} can be measured",
    )
