"""Aperture sums against photutils and the simulator's truth; comparison stars; light curves."""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from photutils.aperture import CircularAperture

from observations_data.photometry import (
    APERTURE_RADIUS_PX,
    FrameSources,
    aperture_sums,
    comparison_candidates,
    relative_flux,
    steady_stars,
)
from observations_data.photometry.aperture import circle_overlap, colour_pixels
from observations_data.photometry.comparison import MAX_CANDIDATES, MAX_COMPARISONS
from observations_data.photometry.ensemble import MIN_COMPARISONS
from panoptes_network.arrays import Floats
from panoptes_network.frames.bayer import (
    BLACK_LEVEL_ADU,
    GAIN_E_PER_ADU,
    READ_NOISE_ADU,
    SATURATION_ADU,
    cut_stamps,
    stamp_corner,
    stamp_fits,
)
from panoptes_network.light_curves.schema import COLOURS
from simulator import Observation, simulate
from simulator.mount import DRIFT_PX_PER_S
from simulator.optics import PSF_WEIGHTS, Psf

pytestmark = pytest.mark.numerics

SIDE = 10
PER_PIXEL = {"r": 4, "g": 2, "b": 4}
"""Pixels of the mosaic for each one of the colour."""
PLACES = st.floats(3.5, 5.5)


def colour_at(column: int, row: int) -> str:
    """Return a stamp's colour as docs/conventions.md has it."""
    return {(0, 0): "g", (0, 1): "r", (1, 0): "b", (1, 1): "g"}[column % 2, row % 2]


def by_photutils(light: Floats, x: float, y: float, radius: float = APERTURE_RADIUS_PX) -> Floats:
    """Sum each colour of one stamp as the docstring says, with photutils and plain loops."""
    aperture = CircularAperture((x, y), radius)
    sums = []
    for colour in COLOURS:
        own = np.array([[colour_at(x, y) == colour for x in range(SIDE)] for y in range(SIDE)])
        border = [
            light[row, column]
            for row in range(SIDE)
            for column in range(SIDE)
            if own[row, column] and (row in {0, SIDE - 1} or column in {0, SIDE - 1})
        ]
        # Not `aperture_photometry`: for each call it makes a table and looks for packages.
        [total], _ = aperture.do_photometry(light * own, method="exact")
        [area], _ = aperture.do_photometry(own.astype(float), method="exact")
        sums.append(float(total) - float(area) * float(np.median(border)))
    return np.array(sums)


@given(st.floats(-4, 14), st.floats(-4, 14), st.floats(0.3, 8))
def test_overlap_is_that_of_photutils(x: float, y: float, radius: float) -> None:
    [ours] = circle_overlap(np.array([x]), np.array([y]), radius, SIDE)
    mask = CircularAperture((x, y), radius).to_mask(method="exact").to_image((SIDE, SIDE))
    theirs = np.zeros((SIDE, SIDE)) if mask is None else mask
    # Both are exact; photutils asks in another order, and takes nearly touching for touching.
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_colours_of_the_stamp_are_those_of_the_mosaic() -> None:
    masks = dict(zip(COLOURS, colour_pixels(SIDE), strict=True))
    for row, column in np.ndindex(SIDE, SIDE):
        names = [name for name, mask in masks.items() if mask[row, column]]
        assert names == [colour_at(column, row)]


@given(PLACES, PLACES, st.integers(0, 2**32 - 1))
def test_sums_are_those_of_photutils(x: float, y: float, seed: int) -> None:
    stamp = np.random.default_rng(seed).integers(1900, 16000, (1, SIDE, SIDE), dtype=np.uint16)
    sums = aperture_sums(stamp, np.array([x]), np.array([y]))
    expected = by_photutils(stamp[0].astype(float) - BLACK_LEVEL_ADU, x, y)
    # Sums of some 100,000 ADU in double precision; the areas to 1e-6 as above.
    np.testing.assert_allclose(sums.flux_adu[0], expected, atol=0.3)


def test_a_plain_sky_has_no_star() -> None:
    stamps = np.full((3, SIDE, SIDE), 2200, np.uint16)
    sums = aperture_sums(stamps, np.full(3, 4.2), np.full(3, 5.1))
    np.testing.assert_allclose(sums.flux_adu, 0, atol=1e-9)
    assert (sums.flux_err_adu > 0).all()


def test_nothing_to_measure() -> None:
    sums = aperture_sums(np.empty((0, SIDE, SIDE), np.uint16), np.empty(0), np.empty(0))
    assert sums.flux_adu.shape == sums.flux_err_adu.shape == (0, 3)
    assert sums.is_saturated.shape == (0,)


def test_a_star_that_is_not_in_a_frame_has_no_sum() -> None:
    stamps = np.zeros((2, SIDE, SIDE), np.uint16)
    sums = aperture_sums(stamps, np.array([np.nan, 4.0]), np.array([np.nan, 4.0]))
    assert np.isnan(sums.flux_adu).all(axis=1).tolist() == [True, False]
    assert not sums.is_saturated[0]


@pytest.mark.parametrize(("row", "column", "counts"), [(4, 5, True), (7, 4, True), (0, 0, False)])
def test_saturated_pixels_count_in_the_aperture_alone(row: int, column: int, counts: bool) -> None:
    stamp = np.full((1, SIDE, SIDE), 2200, np.uint16)
    stamp[0, row, column] = SATURATION_ADU
    sums = aperture_sums(stamp, np.array([4.5]), np.array([4.5]))
    assert sums.is_saturated.tolist() == [counts]


@pytest.mark.parametrize("star_adu", [0.0, 40_000.0])
def test_errors_are_the_spread_of_many_exposures(star_adu: float) -> None:
    rng, number = np.random.default_rng(3), 6000
    light = 150 + star_adu * model_stamp("G", 4.3, 4.8)
    # Poisson electrons and Gaussian read noise, in ADU.
    noisy = rng.poisson(light * GAIN_E_PER_ADU, (number, SIDE, SIDE)) / GAIN_E_PER_ADU
    noisy += rng.normal(BLACK_LEVEL_ADU, READ_NOISE_ADU, noisy.shape)
    stamps = noisy.round().astype(np.uint16)
    sums = aperture_sums(stamps, np.full(number, 4.3), np.full(number, 4.8))
    spread, said = sums.flux_adu.std(axis=0), np.median(sums.flux_err_adu, axis=0)
    # The spread of 6000 values is known to 1 %; the variance of a median of 9 values is some 7 %
    # less than that of many, and is up to half of all.
    np.testing.assert_allclose(said, spread, rtol=0.06)


def model_stamp(colour: str, x: float, y: float) -> Floats:
    """Return how the simulator spreads a star's light over a stamp, as if of one colour."""
    trail = tuple(120.4 * speed for speed in DRIFT_PX_PER_S)
    psf = Psf.of_colour(colour, (trail[0], trail[1]))
    pixel = np.arange(SIDE)
    light = np.zeros((SIDE, SIDE))
    for weight, sigma_x, sigma_y in zip(PSF_WEIGHTS, psf.sigma_x_px, psf.sigma_y_px, strict=True):
        across = np.exp(-0.5 * ((pixel - x) / sigma_x) ** 2) / sigma_x
        along = np.exp(-0.5 * ((pixel - y) / sigma_y) ** 2) / sigma_y
        light += weight * np.outer(along, across) / (2 * np.pi)
    return light


def mosaic_stamp(x: float, y: float, flux_adu: Floats) -> Floats:
    """Return a star's light on the pixels of a stamp, each of its own colour."""
    planes = [model_stamp(colour, x, y) for colour in "RGB"]
    masks = colour_pixels(SIDE)
    parts = [flux * plane * mask for flux, plane, mask in zip(flux_adu, planes, masks, strict=True)]
    return np.asarray(np.sum(parts, axis=0))


@dataclass(frozen=True)
class Simulated:
    """Stars that are in all frames of a simulated sequence; arrays (stars, frames, …)."""

    stamps: NDArray[np.uint16]
    x: Floats
    y: Floats
    flux_adu: Floats
    frame: FrameSources
    """The same stars in the middle frame."""

    @cached_property
    def sums(self) -> tuple[Floats, Floats]:
        """Return aperture sums and errors, shape (stars, frames, 3)."""
        shape = self.x.shape
        found = aperture_sums(self.stamps.reshape(-1, SIDE, SIDE), self.x.ravel(), self.y.ravel())
        return found.flux_adu.reshape(*shape, 3), found.flux_err_adu.reshape(*shape, 3)


def simulated(observation: Observation) -> Simulated:
    """Cut the stamps of all stars of a sequence, at their true places."""
    frames = list(simulate(observation))
    tables = []
    for frame in frames:
        stars = frame.truth.stars
        stars = stars[(stars["snr"] > 10) & stamp_fits(stars["x"], stars["y"], frame.data.shape)]
        stars.add_index("id")
        tables.append(stars)
    ids = sorted(set.intersection(*(set(stars["id"].tolist()) for stars in tables)))
    tables = [stars.loc[ids] for stars in tables]
    corners = [(stamp_corner(stars["x"]), stamp_corner(stars["y"])) for stars in tables]
    middle = tables[len(tables) // 2]
    fluxes = [[stars[f"flux_{c}_adu"].data for c in COLOURS] for stars in tables]
    return Simulated(
        stamps=np.stack(
            [cut_stamps(f.data, *corner) for f, corner in zip(frames, corners, strict=True)], axis=1
        ),
        x=np.stack([t["x"] - c[0] for t, c in zip(tables, corners, strict=True)], axis=1),
        y=np.stack([t["y"] - c[1] for t, c in zip(tables, corners, strict=True)], axis=1),
        flux_adu=np.array(fluxes).transpose(2, 0, 1).astype(float),
        frame=FrameSources(
            is_star=np.ones(len(ids), bool),
            x_px=middle["x"].data,
            y_px=middle["y"].data,
            flux_adu=middle["flux_g_adu"].data,
            flags=np.where(middle["saturated"], 4, 0),
        ),
    )


@pytest.fixture(scope="module")
def sequence() -> Simulated:
    return simulated(Observation(count=12, width=700, height=700, suffix=".fits"))


def test_sums_are_the_light_that_the_simulator_drew() -> None:
    # At the galactic pole, where few stars share their light.
    pole = simulated(
        Observation(count=2, width=2000, height=2000, ra_deg=192.86, dec_deg=27.13, suffix=".fits")
    )
    x, y, bright = pole.frame.x_px, pole.frame.y_px, pole.frame.flags == 0
    distance = np.hypot(x[:, None] - x, y[:, None] - y) + np.where(np.eye(len(x)), 99, 0)
    bright &= (distance.min(axis=1) > 15) & (pole.flux_adu[:, 0, 1] > 3000)
    assert bright.sum() > 50
    flux, error = (values[bright] for values in pole.sums)
    places = zip(pole.x[bright].ravel(), pole.y[bright].ravel(), strict=True)
    true_flux = pole.flux_adu[bright]
    expected = np.array(
        [
            by_photutils(mosaic_stamp(x, y, f), x, y)
            for (x, y), f in zip(places, true_flux.reshape(-1, 3), strict=True)
        ]
    ).reshape(flux.shape)
    pulls = ((flux - expected) / error).reshape(-1, 3)
    n = len(pulls)
    # By noise alone they are normal: means of n within 4/sqrt(n); coma, vignetting's slope and
    # faint neighbours, which the model lacks, add a little.
    assert np.abs(np.median(pulls, axis=0)).max() < 0.1 + 4 * 1.25 / np.sqrt(n)
    spread = 1.4826 * np.median(np.abs(pulls), axis=0)
    assert np.all((spread > 0.8) & (spread < 1.35))
    # Of all light, the aperture holds 0.75; the border's background takes 0.05 of it away.
    fraction = flux * [PER_PIXEL[c] for c in COLOURS] / true_flux
    np.testing.assert_allclose(np.median(fraction, axis=(0, 1)), 0.70, atol=0.03)


def curve(
    data: Simulated, star: int, stamps: NDArray[np.uint16] | None = None
) -> tuple[Floats, Floats, int]:
    """Return a star's relative flux, its error, and the number of comparison stars."""
    chosen = comparison_candidates(data.frame, star)
    flux, error = data.sums
    own = (flux[star], error[star])
    if stamps is not None:
        found = aperture_sums(stamps, data.x[star], data.y[star])
        own = (found.flux_adu, found.flux_err_adu)
    found_curve = relative_flux(*own, flux[chosen][:MAX_COMPARISONS])
    return found_curve.relative, found_curve.relative_err, int(found_curve.n_comparison[0])


def test_a_dip_comes_out_as_deep_as_it_is(sequence: Simulated) -> None:
    depth, eclipsed = 0.25, slice(4, 8)
    steady = np.flatnonzero((sequence.frame.flags == 0) & (sequence.flux_adu[:, 0, 1] > 20_000))
    depths = []
    for star in steady[:20]:
        stamps = sequence.stamps[star].copy()
        for frame in range(12)[eclipsed]:
            light = mosaic_stamp(
                sequence.x[star, frame], sequence.y[star, frame], sequence.flux_adu[star, frame]
            )
            stamps[frame] -= (depth * light).round().astype(np.uint16)
        relative, error, n_comparison = curve(sequence, int(star), stamps)
        unchanged, _, _ = curve(sequence, int(star))
        assert n_comparison >= MIN_COMPARISONS
        # Against itself without the dip: only the share of neighbours' light is left.
        ratio = relative / unchanged
        ratio /= np.median(np.delete(ratio, eclipsed, axis=0), axis=0)
        depths.append(1 - ratio[eclipsed].mean(axis=0))
        outside = np.median(np.delete(relative, eclipsed, axis=0), axis=0)
        found = 1 - np.median(relative[eclipsed], axis=0) / outside
        # Four frames and eight: 3 sigma of the scatter that the Bayer pattern gives such a star.
        pattern = np.array([0.06, 0.03, 0.10]) + np.median(error, axis=0)
        assert np.all(np.abs(found - depth) < 3 * pattern * np.sqrt(1 / 4 + 1 / 8) * 1.25)
    np.testing.assert_allclose(np.median(depths, axis=0), depth, atol=0.01)


def frame_of(rng: np.random.Generator, number: int) -> FrameSources:
    return FrameSources(
        is_star=rng.random(number) < 0.8,
        x_px=rng.uniform(0, 400, number),
        y_px=rng.uniform(0, 400, number),
        flux_adu=10 ** rng.uniform(2, 4, number),
        flags=rng.choice([0, 0, 0, 1, 2, 3, 4, 8], number),
    )


@pytest.mark.parametrize("number", [1, 2, 30, 700])
def test_candidates_are_those_that_plain_loops_choose(number: int) -> None:
    sources = frame_of(np.random.default_rng(number), number)
    good = []
    for i in range(number):
        ratio = sources.flux_adu[i] / sources.flux_adu[0]
        is_alone = all(
            j == i
            or sources.flux_adu[j] <= 0.1 * sources.flux_adu[i]
            or np.hypot(sources.x_px[j] - sources.x_px[i], sources.y_px[j] - sources.y_px[i]) >= 8
            for j in range(number)
        )
        if i and sources.is_star[i] and sources.flags[i] < 4 and 0.5 <= ratio <= 4 and is_alone:
            distance = np.hypot(
                sources.x_px[i] - sources.x_px[0], sources.y_px[i] - sources.y_px[0]
            )
            good.append((distance, i))
    expected = [i for _, i in sorted(good)][:MAX_CANDIDATES]
    assert comparison_candidates(sources, 0).tolist() == expected


def test_steady_stars_are_in_nearly_all_frames_and_never_saturated() -> None:
    present = np.ones((5, 20), bool)
    present[1, :3] = False
    present[2, :2] = False
    saturated = np.zeros((5, 20), bool)
    saturated[3, 7] = True
    assert steady_stars(present, saturated).tolist() == [0, 2, 4]
    many = np.ones((50, 20), bool)
    assert steady_stars(many, ~many).tolist() == list(range(MAX_COMPARISONS))
    assert steady_stars(present[:0], saturated[:0]).tolist() == []


def flat_stars(number: int, frames: int) -> Floats:
    levels = np.random.default_rng(1).uniform(1000, 9000, (number, 1, 3))
    return levels * np.ones((number, frames, 3))


def test_clouds_that_dim_all_stars_alike_leave_no_trace() -> None:
    clouds = np.linspace(1, 0.3, 30)[:, None]
    found = relative_flux(
        5000 * clouds * np.ones(3), np.full((30, 3), 50.0), flat_stars(9, 30) * clouds
    )
    np.testing.assert_allclose(found.relative, 1, rtol=1e-12)
    assert found.n_comparison.tolist() == [9] * 30
    # The star's own error, which its light's loss makes larger.
    np.testing.assert_allclose(found.relative_err[-1], 50 / 5000 / 0.3, rtol=0.05)


def test_a_star_that_lacks_frames_does_not_shift_them() -> None:
    comparison = flat_stars(9, 30)
    comparison[0, 10:12] = np.nan
    found = relative_flux(np.full((30, 3), 5000.0), np.full((30, 3), 50.0), comparison)
    np.testing.assert_allclose(found.relative, 1, rtol=1e-12)
    assert found.n_comparison.tolist() == [9] * 10 + [8] * 2 + [9] * 18


def test_a_variable_comparison_star_counts_for_little() -> None:
    rng = np.random.default_rng(2)
    comparison = flat_stars(9, 60) * rng.normal(1, 0.01, (9, 60, 3))
    comparison[3] *= (1 + 0.3 * np.sin(np.arange(60)))[:, None]
    found = relative_flux(np.full((60, 3), 5000.0), np.full((60, 3), 1.0), comparison)
    # Eight stars of 1 %: 0.35 %; with the ninth in an equal mean it would be 2.4 %.
    assert found.relative.std(axis=0).max() < 0.006
    assert np.median(found.relative_err) == pytest.approx(0.01 / np.sqrt(8), rel=0.2)


@pytest.mark.parametrize("number", [0, MIN_COMPARISONS - 1])
def test_too_few_stars_to_compare_with(number: int) -> None:
    found = relative_flux(np.ones((4, 3)), np.ones((4, 3)), flat_stars(number, 4))
    assert np.isnan(found.relative).all()
    assert np.isnan(found.relative_err).all()
    assert found.n_comparison.tolist() == [0] * 4


def test_light_that_is_none_has_no_ratio() -> None:
    dark = flat_stars(6, 5)
    dark[0] = -10
    found = relative_flux(np.full((5, 3), -3.0), np.ones((5, 3)), dark)
    assert np.isnan(found.relative).all()
    assert found.n_comparison.tolist() == [5] * 5


def test_a_frame_without_any_comparison_star() -> None:
    comparison = flat_stars(6, 5)
    comparison[:, 2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = relative_flux(np.full((5, 3), 7.0), np.ones((5, 3)), comparison)
    assert np.isnan(found.relative).any(axis=1).tolist() == [False, False, True, False, False]
    assert found.n_comparison.tolist() == [6, 6, 0, 6, 6]
