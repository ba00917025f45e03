"""Refinement of the plate solution: catalog stars fitted by a polynomial on the tangent plane.

astrometry.net's own solution is off by up to 2 pixels in the corners of a 15x10 degree field. Here
catalog stars are matched outwards from the centre, where it is accurate. Each round's fit reaches a
little farther, and the last fit becomes a TAN-SIP WCS (Shupe et al. 2005, "The SIP Convention for
Representing Distortion in FITS Image Headers").
"""

from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy.spatial import KDTree

from panoptes_network.arrays import Floats, Integers
from panoptes_network.errors import Reason, UnsolvedError
from panoptes_network.frames.frame import Frame
from plate_solver.detection import Detections
from plate_solver.polynomial import Polynomial, sip_distortion
from plate_solver.solving import PIXEL_SCALE_ARCSEC, SCALE_TOLERANCE

MAX_RMS_PX = 0.8
"""A correct solution scatters by 0.1-0.5 pixel (simulated, real); a wrong one by a pixel or more.
"""

MIN_MATCHED = 8
MIN_MATCHED_FRACTION = 0.4
"""Fraction of the brightest catalog stars on the frame: clouds hide some, chance matches far fewer.
"""

BRIGHTEST = 4000
"""Catalog stars used in the fit: enough for its 42 parameters, few enough to be unambiguous."""

_ROUNDS = ((0.3, 8.0, 2), (0.6, 5.0, 3), (1.0, 4.0, 3), (1.0, 2.0, 5), (1.0, 1.5, 5))
"""Reach as a fraction of the half diagonal, match radius in pixels, maximum polynomial order."""

_MIN_IN_REACH = 30
"""Number of catalog stars: if they are few, a round reaches farther than its fraction."""

_STARS_PER_ORDER = {1: 0, 2: 40, 3: 200, 4: 1000, 5: 2500}
"""Matched stars required per order, so that the few of a crop are not overfitted."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A plate solution that agrees with the catalog.

    Attributes
    ----------
    wcs : WCS
        TAN-SIP with its inverse.
    rms_arcsec : float
        Scatter of matched stars around it, both axes together.
    """

    wcs: WCS
    rms_arcsec: float

    @property
    def pixel_scale_arcsec(self) -> float:
        """Square root of a pixel's area at the reference pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.wcs.wcs.cd))) * 3600)

    @property
    def rotation_deg(self) -> float:
        """Position angle of the frame's +y axis, degrees from north through east, 0 to 360."""
        east, north = self.wcs.wcs.cd[:, 1]
        return float(np.degrees(np.arctan2(east, north)) % 360)

    def to_sky(self, x_px: Floats, y_px: Floats) -> tuple[Floats, Floats]:
        """Return ICRS degrees of 0-based pixels; empty arrays give empty arrays."""
        ra_deg, dec_deg = self.wcs.all_pix2world(x_px, y_px, 0)
        return ra_deg, dec_deg

    def to_pixels(self, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats]:
        """Return 0-based pixels of ICRS degrees by the WCS's own inverse polynomial.

        Directions farther away than the frame's own size may give any position, including NaN.
        """
        linear = self.wcs.wcs_world2pix(np.stack([ra_deg, dec_deg], axis=1), 1)
        x_px, y_px = self.wcs.sip_foc2pix(linear - self.wcs.wcs.crpix, 1).T - 1
        return x_px, y_px


def refit(
    first: WCS, detections: Detections, ra_deg: Floats, dec_deg: Floats, frame: Frame
) -> Solution:
    """Fit the catalog to the detections and verify the result.

    Parameters
    ----------
    first : WCS
        A solution accurate to a few pixels at the frame's centre.
    detections : Detections
        Brightest first.
    ra_deg, dec_deg : ndarray, shape (n,)
        Catalog stars at the time of the exposure, ICRS degrees, brightest first.
    frame : Frame
        For its size.

    Raises
    ------
    UnsolvedError
        POOR_SOLUTION if catalog and frame disagree, UPSIDE_DOWN for a mirror image.
    """
    centre = np.array([frame.width - 1, frame.height - 1]) / 2
    half_size = np.array([frame.width, frame.height]) / 2
    crval = np.array(first.all_pix2world([centre], 0)[0])
    sky = _bright_near(np.stack([ra_deg, dec_deg], axis=1), crval, half_size)
    plane = _project(sky, crval)
    uv = np.stack([detections.x_px, detections.y_px], axis=1) - centre
    # About as many detections as catalog stars: fainter ones would only cause false matches.
    uv = uv[: 2 * len(sky) + 100]
    stars, found = _match_outwards(
        _inverse_of(first, centre, crval, half_size), plane, uv, half_size
    )
    order = _order(len(stars), _ROUNDS[-1][2])
    wcs = _fit_wcs(uv[found], sky[stars], centre, crval, half_size, order)
    solution = Solution(wcs, _rms_arcsec(wcs, uv[found] + centre, sky[stars]))
    _check(solution)
    return solution


def _bright_near(sky: Floats, crval: Floats, half_size: Floats) -> Floats:
    """Return the brightest stars that may be on the frame, shape (n, 2)."""
    reach_deg = 1.05 * np.hypot(*half_size) * PIXEL_SCALE_ARCSEC / 3600
    near: Floats = sky[np.hypot(*_project(sky, crval).T) < reach_deg]
    return near[:BRIGHTEST]


def _match_outwards(
    to_pixels: Polynomial, plane: Floats, uv: Floats, half_size: Floats
) -> tuple[Integers, Integers]:
    """Return indices of catalog stars and of their matching detections."""
    tree = KDTree(uv)
    for reach, radius_px, max_order in _ROUNDS:
        limit_px = reach * float(np.hypot(*half_size))
        stars, found = _match(to_pixels(plane), uv, tree, limit_px, radius_px)
        _check_enough(len(stars))
        to_pixels = Polynomial(plane[stars], uv[found], _order(len(stars), max_order))
    on_frame = (np.abs(to_pixels(plane)) < half_size).all(axis=1)
    _check_enough(len(stars), expected=int(on_frame.sum()))
    return stars, found


def _match(
    predicted: Floats, uv: Floats, tree: KDTree, limit_px: float, radius_px: float
) -> tuple[Integers, Integers]:
    """Match stars within `limit_px` of the centre to the nearest detection, excluding outliers.

    If stars are few, the nearest `_MIN_IN_REACH` are matched at any distance.
    """
    nearby = tree.query(predicted, distance_upper_bound=radius_px)
    distance, nearest = np.asarray(nearby[0]), np.asarray(nearby[1])
    from_centre = np.hypot(*predicted.T)
    limit_px = max([limit_px, *np.sort(from_centre)[:_MIN_IN_REACH]])
    stars = np.flatnonzero(np.isfinite(distance) & (from_centre <= limit_px))
    found = nearest[stars]
    kept = _inliers(uv[found] - predicted[stars])
    return stars[kept], found[kept]


def _inliers(offset: Floats) -> NDArray[np.bool_]:
    """Return which offsets, shape (n, 2), are within 3 robust standard deviations."""
    if not len(offset):
        return np.zeros(0, dtype=np.bool_)
    distance = np.hypot(*(offset - np.median(offset, axis=0)).T)
    # The median of a Rayleigh distribution is 1.177 sigma.
    within: NDArray[np.bool_] = distance <= 3 * np.median(distance) / 1.177 + 0.05
    return within


def _inverse_of(first: WCS, centre: Floats, crval: Floats, half_size: Floats) -> Polynomial:
    """Return the inverse of `first`: tangent plane to pixels from the centre."""
    uv = np.stack(np.meshgrid(*np.linspace(-half_size, half_size, 21).T), axis=-1).reshape(-1, 2)
    return Polynomial(_project(first.all_pix2world(uv + centre, 0), crval), uv, 3)


def _fit_wcs(
    uv: Floats, sky: Floats, centre: Floats, crval: Floats, half_size: Floats, order: int
) -> WCS:
    """Return the TAN-SIP WCS that takes `uv` (pixels from `centre`) to `sky`."""
    for _ in range(3):
        # The reference pixel is the centre: move the tangent point to where the fit puts it.
        fit = Polynomial(uv, _project(sky, crval), order)
        crval = _tangent_plane(crval).wcs_pix2world(fit.coefficients[:1], 0)[0]
    cd = fit.coefficients[1:3].T
    wcs = _tangent_plane(crval)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crpix = centre + 1
    wcs.wcs.cd = cd
    wcs.sip = sip_distortion(cd, fit, half_size, centre + 1)
    wcs.wcs.set()
    return wcs


def _rms_arcsec(wcs: WCS, xy: Floats, sky: Floats) -> float:
    fitted = wcs.all_pix2world(xy, 0)
    east = ((fitted[:, 0] - sky[:, 0] + 180) % 360 - 180) * np.cos(np.radians(sky[:, 1]))
    return float(np.sqrt(np.mean(east**2 + (fitted[:, 1] - sky[:, 1]) ** 2)) * 3600)


def _check(solution: Solution) -> None:
    """Refuse a solution that the camera cannot have."""
    scale = solution.pixel_scale_arcsec
    if solution.rms_arcsec > MAX_RMS_PX * scale:
        rms_arcsec = solution.rms_arcsec
        raise _poor(f"the stars are {rms_arcsec:.1f} arcsec away from their catalog positions")
    if abs(scale / PIXEL_SCALE_ARCSEC - 1) > SCALE_TOLERANCE:
        raise _poor(f"its scale would be {scale:.2f} arcsec per pixel")
    if np.linalg.det(solution.wcs.wcs.cd) > 0:
        # On the sky, seen from inside, east is left of north. The solver's own parity option
        # lets mirrored solutions through.
        raise UnsolvedError(
            Reason.UPSIDE_DOWN,
            "the frame is a mirror image of the sky: probably its rows are upside down. Row 0 must"
            " be the bottom row of the picture, as in FITS",
        )


def _check_enough(matched: int, expected: int = 0) -> None:
    if matched < max(MIN_MATCHED, MIN_MATCHED_FRACTION * expected):
        raise _poor(f"only {matched} of the catalog's bright stars are where it predicts them")


def _poor(problem: str) -> UnsolvedError:
    return UnsolvedError(Reason.POOR_SOLUTION, f"a solution was found, but it is wrong: {problem}")


def _order(matched: int, highest: int) -> int:
    """Return the polynomial order that a number of stars can constrain."""
    return max(o for o, least in _STARS_PER_ORDER.items() if matched >= least and o <= highest)


def _tangent_plane(crval: Floats) -> WCS:
    """Return the plain gnomonic projection about `crval`, whose pixels are degrees."""
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.cunit = ["deg", "deg"]
    plane.wcs.radesys = "ICRS"
    plane.wcs.crval = crval
    plane.wcs.crpix = [1, 1]
    plane.wcs.cd = np.eye(2)
    plane.wcs.set()
    return plane


def _project(sky: Floats, crval: Floats) -> Floats:
    """Return points of the tangent plane, shape (n, 2), degrees towards east and north."""
    points: Floats = _tangent_plane(crval).wcs_world2pix(sky, 0)
    return points
