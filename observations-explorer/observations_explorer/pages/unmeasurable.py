"""Stars whose brightness cannot be measured, and why: saturated, or nothing to compare with."""

from collections.abc import Sequence

from panoptes_network.light_curves.schema import Quality
from panoptes_network.responses.light_curves import DetrendedFrame
from panoptes_network.responses.stars import RawFrame
from panoptes_network.source_flags import SATURATED_FLAG

MOST = 0.9
"""Share of a star's frames from which a problem is the star's, not that of single frames."""
TOO_BRIGHT = (
    "This star is too bright for the camera: its pixels are saturated, and its brightness"
    " cannot be measured."
)
NOT_COMPARED = (
    "There is no suitable star nearby to compare this one with, so its changes in brightness"
    " cannot be told from those of the air."
)


def of_curve(frames: Sequence[DetrendedFrame]) -> str | None:
    """Return why a detrended light curve shows nothing of its star; None if it does."""
    qualities = [frame["quality"] for frame in frames]
    if _are_most([bool(quality & Quality.SATURATED) for quality in qualities]):
        return TOO_BRIGHT
    if _are_most([bool(quality & Quality.FEW_COMPARISONS) for quality in qualities]):
        return NOT_COMPARED
    return None


def of_apertures(frames: Sequence[RawFrame]) -> str | None:
    """Return why relative fluxes in apertures show nothing of their star; None if they do."""
    if _are_most([bool(frame["flags"] & SATURATED_FLAG) for frame in frames]):
        return TOO_BRIGHT
    is_compared = any(frame["n_comparison"] for frame in frames)
    return NOT_COMPARED if frames and not is_compared else None


def _are_most(troubled: list[bool]) -> bool:
    return bool(troubled) and sum(troubled) >= MOST * len(troubled)
