"""Polynomials of two variables, against numpy's and against astropy's reading of SIP."""

import numpy as np
import pytest
from astropy.wcs import WCS
from numpy.polynomial.polynomial import polyval2d
from numpy.typing import NDArray

from panoptes_network.arrays import Floats
from plate_solver.polynomial import Polynomial, sip_distortion

HALF_SIZE = np.array([2604.0, 1738.0])
SCALE_DEG = 10.29 / 3600


def scattered(count: int) -> Floats:
    return np.random.default_rng(4).uniform(-HALF_SIZE, HALF_SIZE, (count, 2))


def lens(uv: Floats) -> Floats:
    """Return degrees: rotated by 90 degrees, with cubic distortion of 0.4 % at the corners."""
    u, v = uv.T
    swell = 1 + 0.004 * (u**2 + v**2) / np.hypot(*HALF_SIZE) ** 2
    return SCALE_DEG * np.stack([v * swell, u * swell], axis=1)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_a_polynomial_is_found_again(order: int) -> None:
    """From as many points as it has terms, up to twice as many."""
    random = np.random.default_rng(order)
    matrices = random.normal(size=(2, order + 1, order + 1))
    terms = [(p, q) for p in range(order + 1) for q in range(order + 1)]
    for p, q in terms:
        matrices[:, p, q] *= (p + q <= order) / 1000.0 ** (p + q)
    points = scattered((order + 1) * (order + 2))
    values = np.stack(
        [polyval2d(points[:, 0], points[:, 1], matrix) for matrix in matrices], axis=1
    )
    fit = Polynomial(points, values, order)
    elsewhere = scattered(500)[::-1] * 0.9
    expected = np.stack(
        [polyval2d(elsewhere[:, 0], elsewhere[:, 1], matrix) for matrix in matrices], axis=1
    )
    np.testing.assert_allclose(fit(elsewhere), expected, rtol=1e-8, atol=1e-8)
    by_total = [(total - q, q) for total in range(order + 1) for q in range(total + 1)]
    unscaled = fit.coefficients * [[1000.0 ** (p + q)] for p, q in by_total]
    known = [matrices[:, p, q] * 1000.0 ** (p + q) for p, q in by_total]
    np.testing.assert_allclose(unscaled, known, rtol=1e-6, atol=1e-6)


def test_noise_is_averaged() -> None:
    points = scattered(4000)
    noise = np.random.default_rng(5).normal(0, 1, points.shape)
    # 4000 points with 1 px know a plane's 3 terms to sqrt(3 / 4000) = 0.03 px on average.
    off = Polynomial(points, points + noise, 1)(points) - points
    assert np.sqrt(np.mean(off**2)) < 0.05


def test_a_single_point_at_the_origin() -> None:
    fit = Polynomial(np.zeros((1, 2)), np.array([[3.0, 4.0]]), 1)
    np.testing.assert_allclose(fit(np.zeros((1, 2))), [[3, 4]])


def test_no_points_go_nowhere() -> None:
    assert Polynomial(scattered(10), scattered(10), 1)(np.zeros((0, 2))).shape == (0, 2)


@pytest.fixture(scope="module")
def wcs() -> WCS:
    uv = scattered(2000)
    fit = Polynomial(uv, lens(uv), 3)
    linear = fit.coefficients[1:3].T
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = HALF_SIZE + 0.5
    wcs.wcs.cd = linear
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.sip = sip_distortion(linear, fit, HALF_SIZE, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs


def degrees_on_the_plane(wcs: WCS, pixels: NDArray[np.float64]) -> Floats:
    undistorted = wcs.pix2foc(pixels, 0) - (wcs.wcs.crpix - 1)
    degrees: Floats = undistorted @ wcs.wcs.cd.T
    return degrees


def test_sip_goes_where_the_polynomial_goes(wcs: WCS) -> None:
    uv = scattered(500)
    found = degrees_on_the_plane(wcs, uv + wcs.wcs.crpix - 1)
    # 1e-9 degree is 4e-7 px: the same polynomial, only written otherwise.
    np.testing.assert_allclose(found, lens(uv), atol=1e-9)


def test_inverse_of_sip_leads_back_all_over_the_frame(wcs: WCS) -> None:
    edge = np.stack(np.meshgrid(*np.linspace(-HALF_SIZE, HALF_SIZE, 25).T), axis=-1).reshape(-1, 2)
    undistorted = wcs.sip_pix2foc(edge + wcs.wcs.crpix, 1)
    back = wcs.sip_foc2pix(undistorted, 1) - wcs.wcs.crpix
    # 12.5 px of distortion are undone by a polynomial one order higher, to 0.02 px.
    assert np.abs(back - edge).max() < 0.03


def test_a_linear_fit_has_no_distortion() -> None:
    uv = scattered(30)
    fit = Polynomial(uv, uv @ (SCALE_DEG * np.eye(2)), 1)
    sip = sip_distortion(fit.coefficients[1:3].T, fit, HALF_SIZE, HALF_SIZE + 0.5)
    assert not sip.a.any()
    assert not sip.b.any()
    np.testing.assert_allclose(sip.ap, 0, atol=1e-12)
    np.testing.assert_allclose(sip.bp, 0, atol=1e-12)
