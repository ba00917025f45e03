"""What the photometry of light curves is built of: the PSF, the sky, the normal equations."""

import numpy as np
import pytest

from light_curves.photometry.crowding import neighbour_light, with_neighbours
from light_curves.photometry.fluxes import solve_fluxes
from light_curves.photometry.frame_light import Camera, FrameLight, frame_light
from light_curves.photometry.psf import CHANGES, START_SIGMAS_PX, START_WEIGHTS, Psf
from light_curves.photometry.sky import clipped_mesh, median_mesh
from light_curves.photometry.stamps import (
    CELL_COLOUR,
    Stamps,
    cut,
    describe,
    find_pairs,
    paint,
    reading_order,
)

pytestmark = pytest.mark.numerics

SHAPE = (120, 160)
CAMERA = Camera()


def _psf() -> Psf:
    return Psf.at_start(SHAPE)


def _stamps(x_px: list[float], y_px: list[float], half: int = 6) -> Stamps:
    return _psf().stamps(np.array(x_px), np.array(y_px), np.full(len(x_px), half))


def _painted(own: Stamps, flux: np.ndarray, sky_adu: float = 0) -> np.ndarray:
    image = np.full(SHAPE, sky_adu, np.float32)
    paint(own, flux, image)
    return image


def test_the_psf_is_that_of_three_gaussians_at_any_place_in_the_pixel() -> None:
    own = _stamps([70.31], [55.68])
    dx = own.column[0] + np.arange(-6, 7) - 70.31
    dy = own.row[0] + np.arange(-6, 7)[:, None] - 55.68
    gaussians = sum(
        weight * np.exp(-(dx**2 + dy**2) / 2 / sigma**2) / (2 * np.pi * sigma**2)
        for weight, sigma in zip(START_WEIGHTS, START_SIGMAS_PX, strict=True)
    )
    # 0.4 % of the light is beyond the splines' end, and the rest counts as all.
    assert own.light.reshape(13, 13) == pytest.approx(gaussians, abs=0.004 * gaussians.max())


def test_the_pixels_of_each_colour_lie_where_the_bayer_pattern_has_them() -> None:
    image = np.zeros(SHAPE, np.float32)
    paint(_stamps([70.0], [55.0]), np.array([[1.0, 0.0, 0.0]]), image)
    rows, columns = np.nonzero(image)
    assert set(rows % 2) == {1}
    assert set(columns % 2) == {0}
    assert set(describe(_stamps([70.0], [55.0])).colour) == {0, 1, 2}


def test_each_change_of_the_psf_moves_the_moment_that_it_is_named_after() -> None:
    terms = np.zeros((3, len(CHANGES)))
    terms[:, :5] = (0.05, -0.04, 0.1, 0.06, 0.03)
    moments = []
    for psf in (_psf(), _psf().changed(terms)):
        own = psf.stamps(np.array([70.0]), np.array([55.0]), np.array([13]))
        light = own.light.reshape(27, 27).astype(np.float64)
        y, x = np.mgrid[-13:14, -13:14]
        mean_x, mean_y = (light * x).sum(), (light * y).sum()
        moments.append((mean_x, mean_y, *((light * q).sum() for q in (x * x, y * y, x * y))))
    change = np.subtract(moments[1], moments[0])
    assert change == pytest.approx([0.05, -0.04, 0.1, 0.06, 0.03], abs=0.006)


def test_stars_that_overlap_are_told_apart_exactly_without_noise() -> None:
    own = _stamps([30.0, 70.2, 72.9, 100.0], [60.0, 50.3, 51.9, 61.4])
    flux = np.array([[9e3, 8e3, 5e3], [300, 700, 400], [50, 60, 70], [2e3, 2e3, 1e3]])
    light = FrameLight(_painted(own, flux, 90), np.ones(SHAPE, np.bool_), CAMERA)
    solution = solve_fluxes(light, own)
    # Solved to 5 % of the standard deviation.
    assert np.abs(solution.flux_adu - flux).max() < 0.1 * solution.flux_err_adu.max()
    assert solution.sky.at(np.array([80.0]), np.array([60.0])) == pytest.approx(90, abs=0.2)


@pytest.mark.parametrize("of_catalog", [1, 4], ids=["as the catalog", "a fourth of it"])
def test_errors_are_the_scatter_of_fluxes_over_many_exposures(of_catalog: float) -> None:
    own = _stamps([40.2, 43.0, 100.0], [50.3, 51.4, 61.4])
    flux = np.array([[5e3, 4e3, 3e3], [2e3, 2e3, 2e3], [1e3, 1e3, 800]])
    expected = _painted(own, flux, 120)
    rng = np.random.default_rng(1)
    found, said = [], []
    for _ in range(80):
        photons = rng.poisson(expected * CAMERA.gain_e_per_adu) / CAMERA.gain_e_per_adu
        noisy = photons + rng.normal(0, CAMERA.read_noise_adu, SHAPE)
        light = FrameLight(noisy.astype(np.float32), np.ones(SHAPE, np.bool_), CAMERA)
        solution = solve_fluxes(light, own, of_catalog * flux)
        found.append(solution.flux_adu)
        said.append(solution.flux_err_adu)
    scatter, mean = np.std(found, axis=0), np.mean(found, axis=0)
    error = np.mean(said, axis=0)
    # 80 exposures know a standard deviation to 8 %.
    assert scatter == pytest.approx(error, rel=0.3)
    assert np.median(scatter / error) == pytest.approx(1, abs=0.12)
    assert np.abs(mean - flux).max() < 4 * (error / np.sqrt(80)).max()


def test_two_stars_in_one_place_share_the_light_as_the_catalog_says() -> None:
    own = _stamps([70.2, 70.2], [50.3, 50.3])
    flux = np.array([[3e3] * 3, [1e3] * 3])
    light = FrameLight(_painted(own, flux, 90), np.ones(SHAPE, np.bool_), CAMERA)
    shared = solve_fluxes(light, own, flux * 1.1).flux_adu
    assert shared.sum(axis=0) == pytest.approx([4e3] * 3, rel=0.01)
    assert shared[1] / shared[0] == pytest.approx([1 / 3] * 3, rel=0.2)


def test_a_star_on_bad_pixels_alone_has_no_flux() -> None:
    own = _stamps([40.0, 100.0], [50.0, 60.0])
    flux = np.full((2, 3), 2e3)
    is_good = np.ones(SHAPE, np.bool_)
    is_good[40:65, 30:55] = False
    solution = solve_fluxes(FrameLight(_painted(own, flux, 90), is_good, CAMERA), own, flux)
    assert np.isnan(solution.flux_adu[0]).all()
    assert np.isnan(solution.flux_err_adu[0]).all()
    assert solution.flux_adu[1] == pytest.approx(2e3, rel=1e-3)


def test_the_sky_follows_a_gradient_and_leaves_out_stars_and_bad_cells() -> None:
    y, x = np.mgrid[0:192, 0:240].astype(np.float32)
    image = 100 + 0.05 * x + 0.1 * y
    image[30:34, 100:104] += 5000
    weight = np.full(image.shape, 1 / 100, np.float32)
    weight[:48, :48] = 0
    for mesh in (median_mesh(image, weight > 0), clipped_mesh(image - 100, weight)):
        assert mesh.level.shape == (3, 4, 5)
        assert np.isfinite(mesh.level).all()
    residual = image.copy()
    first = median_mesh(residual, weight > 0)
    first.subtract_from(residual)
    sky = first.plus(clipped_mesh(residual, weight))
    places = np.array([60.0, 150.0, 200.0]), np.array([80.0, 100.0, 150.0])
    expected = 100 + 0.05 * places[0] + 0.1 * places[1]
    assert sky.at(*places) == pytest.approx(np.repeat(expected[:, None], 3, axis=1), abs=0.3)


def test_each_colour_of_the_sky_has_its_own_level_in_every_cell() -> None:
    # 149 rows and 203 columns: most cells begin in the middle of a Bayer cell.
    colour = CELL_COLOUR[np.ix_(np.arange(149) % 2, np.arange(203) % 2)]
    noise = np.random.default_rng(4).normal(0, 0.1, (149, 203))
    image = (np.array([10.0, -20.0, 30.0])[colour] + noise).astype(np.float32)
    level = clipped_mesh(image, np.full_like(image, 1e-4)).level
    assert level.shape[1:] == (3, 4)
    for c, expected in enumerate((10, -20, 30)):
        assert level[c] == pytest.approx(np.full((3, 4), expected), abs=0.05)


def test_a_flat_divides_the_light_and_a_pixel_without_sensitivity_is_bad() -> None:
    pixels = np.full((4, 6), 2148, np.uint16)
    pixels[0, 0] = 13583
    flat = np.full((4, 6), 0.5, np.float32)
    flat[1, 1] = 0
    light = frame_light(pixels, CAMERA, flat)
    assert light.adu[2, 2] == 200
    assert np.argwhere(~light.is_good).tolist() == [[0, 0], [1, 1]]
    assert light.weights(np.zeros((4, 6), np.float32))[0, 0] == 0
    with pytest.raises(ValueError, match="flat of shape"):
        frame_light(pixels, CAMERA, flat[:2])


def test_neighbours_of_the_catalog_are_counted_by_their_light() -> None:
    x = np.array([10.0, 12.0, 50.0, np.nan, 51.0])
    y = np.array([10.0, 10.0, 50.0, 50.0, 50.0])
    mag = np.array([10, 12.5, 11, 9, np.nan], np.float32)
    ratio = neighbour_light(x, y, mag, radius_px=3)
    assert ratio[:3] == pytest.approx([0.1, 10, 0])
    assert np.isnan(ratio[3:]).all()
    assert with_neighbours(np.array([2, 3]), x, y, 5).tolist() == [2, 4]
    assert with_neighbours(np.array([], np.int64), x, y, 5).tolist() == []


def test_pairs_are_those_stamps_that_have_pixels_in_common() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-6, 160, 300), rng.uniform(-6, 120, 300)
    order = reading_order(x, y)
    half = rng.choice([6, 13], 300, p=[0.9, 0.1])
    own = _psf().stamps(x[order], y[order], half)
    reach = half[:, None] + half
    apart = np.maximum(np.abs(own.column[:, None] - own.column), np.abs(own.row[:, None] - own.row))
    expected = np.argwhere(np.triu(apart <= reach, 1))
    pairs = np.sort(find_pairs(own), axis=1)
    assert sorted(pairs.tolist()) == expected.tolist()


def test_stamps_beyond_the_frame_are_cut_as_zeros() -> None:
    own = _stamps([0.0], [0.0])
    image = np.ones(SHAPE, np.float32)
    assert cut(own, image).reshape(13, 13)[6:, 6:].all()
    assert cut(own, image).sum() == 49
