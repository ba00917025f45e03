"""Projection of stars onto the sensor, and the spread of their light."""

from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS, Sip
from numpy.typing import NDArray

from simulator.observation import FULL_HEIGHT, FULL_WIDTH

PIXEL_SCALE_ARCSEC = 10.29
CORNER_RADIUS_PX = float(np.hypot(FULL_WIDTH, FULL_HEIGHT) / 2)
CORNER_DISTORTION = 0.004
"""Relative displacement at the corners of the full sensor, measured; the sign is guessed."""
CORNER_VIGNETTING = 0.35
"""Light lost at the corners of the full sensor; guessed for a fast lens."""

PSF_WEIGHTS = np.array([0.52, 0.29, 0.19])
CORE_SIGMA_PX = {"R": 0.89, "G": 0.68, "B": 0.81}
WING_SIGMA_PX = (2.05, 4.5)
"""Three Gaussians fitted to a real frame, trail included; see docs/decisions/0005."""
USUAL_TRAIL_PX = (-0.375, -1.6)
"""Drift of the real frame within its exposure of 120 s, x and y."""
CORNER_COMA_PX = (-0.05, 0.55, 2.35)
"""Outward shift of each Gaussian at the corners: the wings fall to one side, as in the real
frame, while detected places stay within 0.05 px of the true ones. Amount guessed."""

Float64 = NDArray[np.float64]


def field_wcs(ra_deg: float, dec_deg: float, rotation_deg: float, width: int, height: int) -> WCS:
    """Build the projection of a frame: gnomonic, +x to +Dec, with cubic radial distortion.

    The distortion is written as SIP, so that any WCS library reads it from the cards. As in
    the real frames the determinant of CD is negative: +y goes to +RA.

    Parameters
    ----------
    ra_deg, dec_deg : float
        What the middle of the frame sees, ICRS.
    rotation_deg : float
        How far west of north +x points, degrees.
    width, height : int
        Frame size in pixels.
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crval = [ra_deg, dec_deg]
    wcs.wcs.crpix = [(width + 1) / 2, (height + 1) / 2]
    sine, cosine = np.sin(np.radians(rotation_deg)), np.cos(np.radians(rotation_deg))
    scale_deg = PIXEL_SCALE_ARCSEC / 3600
    wcs.wcs.cd = scale_deg * np.array([[-sine, cosine], [cosine, sine]])
    cubic = CORNER_DISTORTION / CORNER_RADIUS_PX**2
    a, b = np.zeros((4, 4)), np.zeros((4, 4))
    a[3, 0] = a[1, 2] = b[2, 1] = b[0, 3] = cubic
    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.wcs.radesys = "ICRS"
    wcs.pixel_shape = (width, height)
    wcs.wcs.set()
    return wcs


def sky_to_pixel(wcs: WCS, ra_deg: Float64, dec_deg: Float64) -> tuple[Float64, Float64]:
    """Project stars of the frame's hemisphere through a :func:`field_wcs`, 0-based.

    The distortion leaves directions alone, so its inverse is one cubic equation in the radius,
    r (1 + k r²) = R. Two steps of Newton's method leave 1e-9 px, much faster than the general
    inverse of SIP.
    """
    x_linear, y_linear = wcs.wcs_world2pix(ra_deg, dec_deg, 0)
    x0, y0 = wcs.wcs.crpix - 1
    cubic = wcs.sip.a[3, 0]
    distorted = np.hypot(x_linear - x0, y_linear - y0)
    radius = distorted.copy()
    for _ in range(2):
        radius = (distorted + 2 * cubic * radius**3) / (1 + 3 * cubic * radius**2)
    shrink = np.divide(radius, distorted, out=np.ones_like(radius), where=distorted > 0)
    return x0 + (x_linear - x0) * shrink, y0 + (y_linear - y0) * shrink


def vignetting(outward: Float64) -> Float64:
    """Return the fraction of light let through, 1 in the middle.

    Parameters
    ----------
    outward : ndarray
        Distance from the optical axis in units of the full sensor's half diagonal.
    """
    return 1 - CORNER_VIGNETTING * outward**2


def outward(x: Float64, y: Float64, shape: tuple[int, int]) -> tuple[Float64, Float64]:
    """Return the offsets of positions from the centre of a frame of `shape` (height, width).

    In x and y, in units of the full sensor's half diagonal.
    """
    outward_x = (x - (shape[1] - 1) / 2) / CORNER_RADIUS_PX
    outward_y = (y - (shape[0] - 1) / 2) / CORNER_RADIUS_PX
    return outward_x, outward_y


@dataclass(frozen=True, slots=True)
class Psf:
    """The spread of starlight on the pixels of one colour: three Gaussians.

    Attributes
    ----------
    sigma_x_px, sigma_y_px : ndarray of float, shape (3,)
        Widths, the trail within the exposure included.
    coma_px : ndarray of float, shape (3,)
        Outward shift of each Gaussian at the corners, growing linearly from the middle.
    """

    sigma_x_px: Float64
    sigma_y_px: Float64
    coma_px: Float64

    @classmethod
    def of_colour(cls, colour: str, trail_px: tuple[float, float], focus: float = 1.0) -> "Psf":
        """Return the PSF of ``R``, ``G`` or ``B`` for a trail in x and y.

        The core is `focus` times as wide as in the real frame, trail left out.

        :data:`CORE_SIGMA_PX` was measured with the usual trail in it, so that only the
        difference between the axes and from the usual trail is added: a trail of length L
        has the variance L²/12.
        """
        variance = np.array([CORE_SIGMA_PX[colour], *WING_SIGMA_PX]) ** 2
        variance -= np.square(USUAL_TRAIL_PX).mean() / 12
        variance[0] *= focus**2
        x_variance, y_variance = (variance + length**2 / 12 for length in trail_px)
        return cls(np.sqrt(x_variance), np.sqrt(y_variance), np.array(CORNER_COMA_PX))
