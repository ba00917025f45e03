"""Stars that were not detected: measured as detections are, and what their neighbours add."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from panoptes_network.arrays import Floats
from panoptes_network.frames.bayer import SATURATION_ADU, stamp_fits
from panoptes_network.frames.frame import Frame
from plate_solver.catalog_stars import (
    NEIGHBOUR_REACH_PX,
    UnseenStars,
    measure_unseen,
    neighbour_flux,
    unseen_places,
)
from tests.unit.plate_solver_fields import Field, sources_at

NOBODY = np.zeros(0, dtype=np.int64)
APERTURE_LIGHT = 0.88
"""Part of a star's light that a detection's flux has: `test_fluxes_are_those_of_the_stars`."""


def measure(field: Field, x_px: Floats, y_px: Floats) -> UnseenStars:
    which = np.arange(len(x_px))
    return measure_unseen(which, x_px, y_px, field.detections, field.frame, field.plane)


def test_a_place_is_measured_as_source_extractor_measures_a_detection(
    high_latitude: Field,
) -> None:
    found = high_latitude.detections
    inner = stamp_fits(found.x_px, found.y_px, (800, 1000), 14)
    inner &= found.snr > 30
    unseen = measure(high_latitude, found.x_px[inner], found.y_px[inner])
    assert len(unseen) > 100
    # The program measures around the middle of the isophote, not around the better centre.
    ratio = unseen.flux_adu / found.flux_adu[inner]
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.05
    errors = unseen.flux_err_adu / found.flux_err_adu[inner]
    assert np.quantile(np.abs(errors - 1), 0.95) < 0.03
    own = np.isclose(unseen.peak_adu, found.peak_adu[inner], rtol=1e-3)
    assert np.mean(own) > 0.7  # else the brightest superpixel is the next one
    np.testing.assert_array_equal(unseen.flags, found.flags[inner] & 4)


def test_an_empty_place_has_no_light(high_latitude: Field) -> None:
    random = np.random.default_rng(11)
    x_px, y_px = random.uniform(20, 980, 4000), random.uniform(20, 780, 4000)
    stars = high_latitude.truth.stars
    tree = KDTree(np.stack([stars["x"], stars["y"]], axis=1))
    empty = tree.query(np.stack([x_px, y_px], axis=1))[0] > 15
    unseen = measure(high_latitude, x_px[empty], y_px[empty])
    assert len(unseen) > 100
    snr = unseen.flux_adu / unseen.flux_err_adu
    # Stars that no one sees make the sky lumpier than its own noise.
    assert abs(np.median(snr)) < 1
    assert np.std(snr) < 3
    assert (unseen.flux_adu < 0).any()


def test_neighbours_of_the_catalog_explain_a_crowded_star_s_light(milky_way: Field) -> None:
    stars = milky_way.truth.stars
    x_px, y_px, mag = (np.asarray(stars[name], dtype=np.float64) for name in ("x", "y", "gaia_mag"))
    inner = (np.abs(x_px - 350) < 330) & (np.abs(y_px - 350) < 330)
    wanted = np.flatnonzero(inner & (stars["snr"] > 10) & ~stars["saturated"])
    added = neighbour_flux(x_px, y_px, mag, wanted)
    assert np.isnan(np.delete(added, wanted)).all()
    true_adu = (stars["flux_r_adu"] + 2 * stars["flux_g_adu"] + stars["flux_b_adu"]) / 4
    measured = measure(milky_way, x_px[wanted], y_px[wanted])
    light = measured.flux_adu / np.asarray(true_adu)[wanted] / APERTURE_LIGHT
    for least, most in ((0, 0.1), (0.3, 1), (1, 5)):
        chosen = (added[wanted] >= least) & (added[wanted] < most)
        assert chosen.sum() > 30
        expected = 1 + added[wanted][chosen]  # by magnitudes of one colour: that scatters
        # In this field the sky is too high by faint stars, 3-10 % of such a star's light.
        assert np.median(light[chosen] / expected) == pytest.approx(0.95, abs=0.08)
        assert np.quantile(np.abs(light[chosen] / expected - 1), 0.8) < 0.35


def test_neighbours_are_weighed_by_distance_and_magnitude() -> None:
    x_px = np.array([50.0, 50.0, 150.0, 153.0, 250.0, 250.0, np.nan])
    y_px = np.array([50.0, 50.0, 150.0, 150.0, 250.0, 251.0 + NEIGHBOUR_REACH_PX, 250.0])
    mag = np.array([10.0, 10.0, 12.0, 9.5, 11.0, 5.0, 5.0])
    added = neighbour_flux(x_px, y_px, mag, np.arange(6))
    np.testing.assert_allclose(added[:2], 1)  # in one place, equally bright
    assert 0.6 * 10 < added[2] < 10  # 2.5 mag brighter, 3 px away: most of its light
    assert added[2] * added[3] == pytest.approx((added[2] / 10) ** 2)
    np.testing.assert_array_equal(added[4:6], 0)
    assert np.isnan(added[6])


def test_a_star_of_unknown_magnitude_says_nothing() -> None:
    place = np.array([50.0, 51.0])
    added = neighbour_flux(place, place, np.array([np.nan, 12.0]), np.arange(2))
    np.testing.assert_array_equal(added, [np.nan, 0])
    assert np.isnan(neighbour_flux(place, place, np.full(2, np.nan), np.arange(2))).all()
    assert len(neighbour_flux(place[:0], place[:0], place[:0], NOBODY)) == 0


def test_which_stars_are_measured_without_a_detection() -> None:
    frame = Frame(np.zeros((300, 400), dtype=np.uint16))
    x_px = np.array([100.0, 3.0, 100, 100, 100, 399, 100, np.nan])
    y_px = np.array([100.0, 100, 3.0, 100, 100, 299, -5, 100])
    mag = np.array([13.0, 9, 9, 13.01, np.nan, 9, 9, 9])
    chosen, x, y = unseen_places(x_px, y_px, mag, NOBODY, frame, 13.0)
    assert (chosen.tolist(), x.tolist(), y.tolist()) == ([0], [100.0], [100.0])
    assert not len(unseen_places(x_px, y_px, mag, np.array([0]), frame, 13.0)[0])


def test_saturated_pixels_are_flagged() -> None:
    mosaic = np.full((300, 400), 2200, dtype=np.uint16)
    mosaic[102, 100] = SATURATION_ADU
    detections = sources_at(np.array([50.0]), np.array([50.0]))
    plane = np.full((150, 200), 8800, dtype=np.float32)
    x_px, y_px = np.array([100.0, 120.0]), np.array([100.0, 100.0])
    unseen = measure_unseen(np.arange(2), x_px, y_px, detections, Frame(mosaic), plane)
    assert unseen.flags.tolist() == [4, 0]


def test_no_star_is_no_measurement() -> None:
    detections = sources_at(np.array([50.0]), np.array([50.0]))
    frame, plane = Frame(np.zeros((300, 400), dtype=np.uint16)), np.zeros((150, 200), np.float32)
    nothing = np.zeros(0)
    assert len(measure_unseen(NOBODY, nothing, nothing, detections, frame, plane)) == 0
