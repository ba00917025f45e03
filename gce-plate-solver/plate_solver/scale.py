"""A frame's scale from its header, and explanations for frames that were not recognised."""

import numpy as np

from panoptes_network.errors import Reason, UnsolvedError
from panoptes_network.frames.fits_header import Cards
from panoptes_network.frames.frame import Frame
from panoptes_network.frames.metadata import number
from plate_solver.detection import Detections
from plate_solver.solving import PIXEL_SCALE_ARCSEC, SCALE_TOLERANCE

FOCAL_LENGTH_MM = 85.0
ARCSEC_OF_UM_IN_MM = 206.265
"""Arcseconds per pixel of one micrometre behind a focal length of one millimetre."""

_SCALE_CARDS = ("PIXSCALE", "SCALE", "SECPIX")
_BRIGHT = 200
"""Sources whose width is reported: faint ones include noise peaks."""

_LOW_ARCSEC, _HIGH_ARCSEC = (
    PIXEL_SCALE_ARCSEC * (1 - SCALE_TOLERANCE),
    PIXEL_SCALE_ARCSEC * (1 + SCALE_TOLERANCE),
)
SERVED = (
    f"the network recognises {_LOW_ARCSEC:.1f} to {_HIGH_ARCSEC:.1f} arcsec per pixel:"
    f" a lens of {FOCAL_LENGTH_MM:.0f} mm, pixels of 4.3 micrometres, not binned"
)


def explained(
    error: UnsolvedError, detections: Detections, frame: Frame, headers: Cards
) -> UnsolvedError:
    """Return the error of an unsolved frame, extended by the known facts about the frame.

    It is WRONG_SCALE if the header's scale cannot be solved; otherwise NOT_SOLVED with the frame's
    size and the width of its stars. Other errors are returned unchanged.
    """
    if error.reason is not Reason.NOT_SOLVED:
        return error
    scale_arcsec, because = header_scale(headers)
    if scale_arcsec is not None and not _LOW_ARCSEC <= scale_arcsec <= _HIGH_ARCSEC:
        words = f"by its header ({because}), the frame has {scale_arcsec:.1f} arcsec per pixel"
        return UnsolvedError(Reason.WRONG_SCALE, f"{words}; {SERVED}")
    said = "does not say its scale"
    if scale_arcsec is not None:
        said = f"says {scale_arcsec:.1f} arcsec per pixel ({because})"
    width_px = float(np.median(detections.fwhm_px[:_BRIGHT]))
    words = f"{error.message}. The sources are {width_px:.1f} pixels wide, sharp"
    words += f" stars 2 to 4. The frame has {frame.width}x{frame.height} pixels; its header"
    words += f" {said}; {SERVED}"
    return UnsolvedError(Reason.NOT_SOLVED, words)


def header_scale(headers: Cards) -> tuple[float | None, str]:
    """Return a frame's arcseconds per pixel from its header, and the cards used.

    None if no card gives it. A focal length or binning alone is combined with a PANOPTES camera.
    """
    for card in _SCALE_CARDS:
        if scale := _positive(headers, card):
            return scale, f"{card} {scale:g}"
    pixel_um, focal_mm = _positive(headers, "XPIXSZ"), _positive(headers, "FOCALLEN")
    if pixel_um and focal_mm:
        cards = f"XPIXSZ {pixel_um:g}, FOCALLEN {focal_mm:g}"
        return ARCSEC_OF_UM_IN_MM * pixel_um / focal_mm, cards
    binning = _positive(headers, "XBINNING")
    named = {"XBINNING": binning, "FOCALLEN": focal_mm}
    if any(named.values()):
        scale = PIXEL_SCALE_ARCSEC * (binning or 1)
        scale *= FOCAL_LENGTH_MM / (focal_mm or FOCAL_LENGTH_MM)
        return scale, ", ".join(f"{card} {value:g}" for card, value in named.items() if value)
    return None, ""


def _positive(headers: Cards, card: str) -> float | None:
    value = number(headers, card)
    return value if value is not None and value > 0 else None
