"""Windowed centroids: against stars whose centres are known exactly, and against the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import KDTree

from panoptes_network.arrays import Floats
from plate_solver.centroids import windowed_centroids
from tests.unit.plate_solver_fields import Field

SHAPE = (60, 80)
SKY = 1000.0


def star_plane(stars: list[tuple[float, float, float]], sigma: float = 0.9) -> NDArray[np.float32]:
    """Return round stars (x, y, peak) on a flat sky."""
    y, x = np.indices(SHAPE)
    plane = np.full(SHAPE, SKY)
    for star_x, star_y, peak in stars:
        plane += peak * np.exp(-0.5 * ((x - star_x) ** 2 + (y - star_y) ** 2) / sigma**2)
    return plane.astype(np.float32)


def centroid(plane: NDArray[np.float32], x: float, y: float) -> tuple[float, float]:
    found_x, found_y = windowed_centroids(plane, np.array([x]), np.array([y]), np.array([SKY]))
    return float(found_x[0]), float(found_y[0])


@pytest.mark.parametrize("x", [40.0, 40.25, 40.5, 39.61])
@pytest.mark.parametrize("off", [(0.0, 0.0), (0.4, -0.3), (-0.7, 0.6)])
def test_a_round_star_is_found_where_it_is(x: float, off: tuple[float, float]) -> None:
    plane = star_plane([(x, 30.3, 5000.0)])
    # Sampled on pixels nearly as wide as itself, and summed over a window of 7.
    assert centroid(plane, x + off[0], 30.3 + off[1]) == pytest.approx((x, 30.3), abs=0.01)


def test_x_is_the_column() -> None:
    assert centroid(star_plane([(70.2, 10.4, 5000.0)]), 70, 10) == pytest.approx(
        (70.2, 10.4), abs=0.01
    )


def test_a_faint_neighbour_moves_a_star_less_than_its_light_would() -> None:
    plane = star_plane([(40.0, 30.0, 5000.0), (42.5, 30.0, 1000.0)])
    found_x, found_y = centroid(plane, 40.2, 30.0)
    # The mean of all light lies at 40.42; an isophote's centre at about the same place.
    assert 40.0 <= found_x < 40.2
    assert found_y == pytest.approx(30, abs=0.01)


def test_without_light_the_place_stays() -> None:
    dark = np.full(SHAPE, SKY, dtype=np.float32)
    assert centroid(dark, 40.3, 30.6) == (40.3, 30.6)


def test_a_place_beside_a_far_brighter_star_stays_with_its_own_light() -> None:
    plane = star_plane([(40.0, 30.0, 500.0), (44.0, 30.0, 60_000.0)])
    found_x, found_y = centroid(plane, 40.0, 30.0)
    assert np.hypot(found_x - 40, found_y - 30) < 1.5


EDGE = [(0.0, 0.0), (-0.4, 30.0), (79.4, 30.0), (40.0, 59.4), (2.4, 30.0), (40.0, 56.6)]


@pytest.mark.parametrize(("x", "y"), EDGE)
def test_at_the_edge_the_place_stays(x: float, y: float) -> None:
    """Repeated edge pixels would draw the centre off the frame."""
    assert centroid(star_plane([(x, y, 5000.0)]), x, y) == (x, y)


def test_noise_alone_gives_numbers_near_by() -> None:
    random = np.random.default_rng(6)
    plane = random.normal(SKY, 10, SHAPE).astype(np.float32)
    x, y = random.uniform(0, 79, 500), random.uniform(0, 59, 500)
    found_x, found_y = windowed_centroids(plane, x, y, np.full(500, SKY))
    assert (np.hypot(found_x - x, found_y - y) < 1.5).all()


def test_no_stars() -> None:
    nothing = np.zeros(0)
    found: tuple[Floats, Floats] = windowed_centroids(star_plane([]), nothing, nothing, nothing)
    assert [places.shape for places in found] == [(0,), (0,)]


def test_the_plane_is_left_alone() -> None:
    plane = star_plane([(40.0, 30.0, 5000.0)])
    before = plane.copy()
    centroid(plane, 40.0, 30.0)
    np.testing.assert_array_equal(plane, before)


def test_rendered_stars_are_found_where_they_are(high_latitude: Field) -> None:
    """One-sided wings, a Bayer mosaic, noise: the mean of many must still be right."""
    stars = high_latitude.inner_stars(margin_px=20)
    stars = stars[(stars["snr"] > 50) & ~stars["saturated"]]
    true = np.stack([stars["x"], stars["y"]], axis=1)
    neighbours = np.asarray(KDTree(true).query(true, k=2)[0])[:, 1]
    alone = true[neighbours > 20]
    assert len(alone) > 50
    start = np.rint((alone - 0.5) / 2)
    sky = np.full(len(alone), float(np.median(high_latitude.plane)))
    found = np.stack(windowed_centroids(high_latitude.plane, start[:, 0], start[:, 1], sky), axis=1)
    off_px = 2 * found + 0.5 - alone
    # One star errs by 0.15 px (the Bayer cell samples its colours at different places), the
    # mean of a hundred by 0.02; half a superpixel's mistake in the convention would be 0.5 px.
    assert np.abs(off_px.mean(axis=0)).max() < 0.06
    assert np.median(np.hypot(*off_px.T)) < 0.2
