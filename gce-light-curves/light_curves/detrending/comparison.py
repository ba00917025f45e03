"""The comparison stars of a sequence: bright, measured in most frames, spread over the field."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from light_curves.measurements import SequenceFluxes
from panoptes_network.arrays import Singles
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.light_curves.schema import COLOURS, Quality

FAINTEST_MAG = 12.3
ENOUGH = 200
"""If there are fewer stars this bright, fainter ones are added."""
MOST = 3000
"""More would only cost time: the zero points are already accurate to a tenth of a millimagnitude.
"""
FEWEST = 20
"""Per frame: with fewer stars the zero point is unreliable, and the frame's quality says so."""
FEWEST_FRAMES = 3
MEASURED_SHARE = 0.5
"""Fraction of the frames in which enough stars are seen."""
SEEN_SIGMA = 10.0
GREEN = COLOURS.index("g")
UNUSABLE = Quality.SATURATED | Quality.EDGE
COLOUR_RANGE = 1.5
USUAL_MAG = 11.0


@dataclass(frozen=True)
class Comparison:
    """Fluxes of c comparison stars in f frames.

    Parameters
    ----------
    rate, rate_err : ndarray, shape (f, c, 3), float32
        ADU/s; NaN where the star cannot be used.
    x_px, y_px, u, v : ndarray, shape (f, c), float32
        Position in mosaic pixels, and in half widths of the field from its centre.
    traits : ndarray, shape (c, 2), float32
        Colour and brightness, see :func:`star_traits`.
    gaia_mag : ndarray, shape (c,), float32
    """

    rate: Singles
    rate_err: Singles
    x_px: Singles
    y_px: Singles
    u: Singles
    v: Singles
    traits: Singles
    gaia_mag: Singles

    def places(self, frame: int) -> tuple[Singles, Singles, Singles, Singles]:
        """Return x, y, u and v of the stars in a frame."""
        return self.x_px[frame], self.y_px[frame], self.u[frame], self.v[frame]

    @property
    def n_seen(self) -> NDArray[np.int32]:
        """Number of stars seen in each frame, shape (f,)."""
        return np.asarray(_is_seen(self.rate, self.rate_err).sum(axis=1), np.int32)


def choose(fluxes: SequenceFluxes) -> NDArray[np.intp]:
    """Return the targets used as comparison stars, brightest first.

    Raises
    ------
    PermanentError
        TOO_FEW_FRAMES for fewer than three, TOO_FEW_SOURCES if fewer than three frames show enough
        stars: clouds, or an empty field.
    """
    n_frames = len(fluxes.time)
    if n_frames < FEWEST_FRAMES:
        raise PermanentError(
            Reason.TOO_FEW_FRAMES,
            f"light curves need {FEWEST_FRAMES} solved frames; the sequence has {n_frames}",
        )
    seen = _seen(fluxes)
    n_seen = seen.sum(axis=1)
    enough = n_seen >= FEWEST
    if enough.sum() < FEWEST_FRAMES:
        raise PermanentError(
            Reason.TOO_FEW_SOURCES,
            f"only {enough.sum()} of {n_frames} frames show the {FEWEST} stars needed for a"
            " comparison: clouds, dew, or twilight",
        )
    often = seen[enough].mean(axis=0) >= MEASURED_SHARE
    order = np.argsort(np.nan_to_num(fluxes.field.gaia_mag, nan=99.0), kind="stable")
    order = order[often[order]]
    bright = int((fluxes.field.gaia_mag[order] <= FAINTEST_MAG).sum())
    return np.asarray(order[: min(max(bright, ENOUGH), MOST)])


def gather(fluxes: SequenceFluxes, chosen: NDArray[np.intp], traits: Singles) -> Comparison:
    """Return the fluxes of chosen targets; `traits` are those of all targets."""
    usable = _usable(fluxes)[:, chosen, np.newaxis]
    exptime_s = fluxes.exptime_s.astype(np.float32)[:, np.newaxis, np.newaxis]
    x_px, y_px = fluxes.x_px[:, chosen], fluxes.y_px[:, chosen]
    u, v = field_places(fluxes.shape, x_px, y_px)
    return Comparison(
        rate=np.where(usable, fluxes.flux_adu[:, chosen] / exptime_s, np.nan),
        rate_err=np.where(usable, fluxes.flux_err_adu[:, chosen] / exptime_s, np.nan),
        x_px=x_px,
        y_px=y_px,
        u=u,
        v=v,
        traits=traits[chosen],
        gaia_mag=fluxes.field.gaia_mag[chosen],
    )


def field_places(shape: tuple[int, int], x_px: Singles, y_px: Singles) -> tuple[Singles, Singles]:
    """Return positions in half widths of a frame of this height and width from its centre."""
    height, width = shape
    half = np.float32(width / 2)
    u, v = (x_px - np.float32((width - 1) / 2)) / half, (y_px - np.float32((height - 1) / 2)) / half
    return u, v


def star_traits(fluxes: SequenceFluxes) -> Singles:
    """Return the properties of each target that affect extinction and the PSF fit.

    Returns
    -------
    ndarray, shape (n, 2), float32
        Logarithm of blue over red flux, relative to the median and clipped to ±1.5; and Gaia G
        minus `USUAL_MAG`. Unknown values are 0.
    """
    red, blue = (robust.median(fluxes.flux_adu[:, :, colour]) for colour in (0, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        colour = np.log(np.where((red > 0) & (blue > 0), blue / red, np.nan))
    known = np.isfinite(colour)
    middle = np.median(colour[known]) if known.any() else 0.0
    clipped = np.clip(colour - middle, -COLOUR_RANGE, COLOUR_RANGE)
    traits = np.stack([clipped, fluxes.field.gaia_mag - USUAL_MAG], axis=1)
    return np.asarray(np.nan_to_num(traits), np.float32)


def _seen(fluxes: SequenceFluxes) -> NDArray[np.bool_]:
    """Return where a target is usable and significantly detected, shape (f, n)."""
    return _usable(fluxes) & _is_seen(fluxes.flux_adu, fluxes.flux_err_adu)


def _is_seen(flux: Singles, err: Singles) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray(flux[:, :, GREEN] > SEEN_SIGMA * err[:, :, GREEN])


def _usable(fluxes: SequenceFluxes) -> NDArray[np.bool_]:
    """Return where a target is usable in all colours, shape (f, n)."""
    measured = np.isfinite(fluxes.x_px) & ((fluxes.quality & UNUSABLE) == 0)
    return np.asarray(measured & np.isfinite(fluxes.flux_adu).all(axis=2))
