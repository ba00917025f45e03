"""The refit against the projection that made the stars' places."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from panoptes_network.arrays import Floats
from panoptes_network.errors import Reason, UnsolvedError
from plate_solver.refit import Solution, refit
from tests.unit.plate_solver_fields import SCALE_ARCSEC, Field, StarList, star_list


def solution_of(stars: StarList) -> Solution:
    return refit(stars.first, stars.detections, stars.ra_deg, stars.dec_deg, stars.frame)


def errors_px(solution: Solution, stars: StarList) -> Floats:
    """Return how far the solution is off, on the sky, all over the frame."""
    grid = stars.grid()
    found = SkyCoord(*solution.to_sky(*grid), unit="deg")
    true = SkyCoord(*stars.truth.all_pix2world(*grid, 0), unit="deg")
    errors: Floats = found.separation(true).arcsec / SCALE_ARCSEC
    return errors


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))


def assert_poor(stars: StarList, words: str) -> None:
    with pytest.raises(UnsolvedError, match=words) as caught:
        solution_of(stars)
    assert caught.value.reason is Reason.POOR_SOLUTION


@pytest.fixture(scope="module")
def whole() -> StarList:
    return star_list()


@pytest.fixture(scope="module")
def solution(whole: StarList) -> Solution:
    return solution_of(whole)


def test_the_solver_alone_would_be_off(whole: StarList) -> None:
    errors = errors_px(Solution(whole.first, 0.0), whole)
    assert rms(errors) > 1
    assert errors.max() > 2


def test_whole_frame_follows_the_truth(whole: StarList, solution: Solution) -> None:
    errors = errors_px(solution, whole)
    # 3000 stars that scatter by 0.15 px an axis know 21 terms an axis to 0.02 px on average;
    # three times as much at the corners, where no star is on the other side.
    assert rms(errors) < 0.04
    assert errors.max() < 0.15


def test_rms_is_the_scatter_of_the_measured_places(solution: Solution) -> None:
    # 0.15 px in each of two axes; 3000 stars know it to 1 %.
    assert solution.rms_arcsec == pytest.approx(0.15 * np.sqrt(2) * SCALE_ARCSEC, rel=0.03)


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg"),
    [(0.0, 5.0), (359.99, -20.0), (180.0, 0.0), (120.0, 89.0), (200.0, -89.9), (45.0, 80.0)],
)
def test_everywhere_on_the_sky(ra_deg: float, dec_deg: float) -> None:
    stars = star_list(ra_deg, dec_deg)
    solution = solution_of(stars)
    assert rms(errors_px(solution, stars)) < 0.04
    assert solution.rms_arcsec == pytest.approx(0.15 * np.sqrt(2) * SCALE_ARCSEC, rel=0.03)


def test_scatter_of_stars_on_the_meridian_is_no_full_circle() -> None:
    """A star just before 360 degrees is found just behind 0."""
    stars = star_list(0.0, 5.0)
    on_meridian = np.zeros(3000), np.linspace(0.5, 9.5, 3000)
    x_px, y_px = stars.truth.all_world2pix(*on_meridian, 0)
    noise = np.random.default_rng(12).normal(0, 0.15, (2, 3000))
    inside = stars.frame.contains(x_px, y_px)
    stars = replace(
        stars.with_detections(
            np.append(stars.detections.x_px, (x_px + noise[0])[inside][::20]),
            np.append(stars.detections.y_px, (y_px + noise[1])[inside][::20]),
        ),
        ra_deg=np.append(stars.ra_deg, on_meridian[0][inside][::20]),
        dec_deg=np.append(stars.dec_deg, on_meridian[1][inside][::20]),
    )
    expected = 0.15 * np.sqrt(2) * SCALE_ARCSEC
    assert solution_of(stars).rms_arcsec == pytest.approx(expected, rel=0.03)


def test_to_pixels_is_the_inverse_of_to_sky(whole: StarList, solution: Solution) -> None:
    x_px, y_px = whole.grid()
    back_x, back_y = solution.to_pixels(*solution.to_sky(x_px, y_px))
    # The inverse is a polynomial of its own, not an iteration; matching needs some 0.1 px.
    assert np.hypot(back_x - x_px, back_y - y_px).max() < 0.01


def test_to_pixels_finds_the_true_places(whole: StarList, solution: Solution) -> None:
    x_px, y_px = solution.to_pixels(whole.ra_deg, whole.dec_deg)
    true = np.stack(whole.truth.all_world2pix(whole.ra_deg, whole.dec_deg, 0))
    assert np.hypot(*(np.stack([x_px, y_px]) - true)).max() < 0.15


def test_stars_behind_the_camera_are_nowhere_on_the_frame(solution: Solution) -> None:
    ra_deg, dec_deg = np.array([301.6 - 180]), np.array([-44.5])
    x_px, y_px = solution.to_pixels(ra_deg, dec_deg)
    inside = (np.abs(x_px - 2604) < 2604) & (np.abs(y_px - 1738) < 1738)
    assert not inside.any()


def test_nothing_in_nothing_out(solution: Solution) -> None:
    nothing = np.zeros(0)
    assert [len(values) for values in solution.to_sky(nothing, nothing)] == [0, 0]
    assert [len(values) for values in solution.to_pixels(nothing, nothing)] == [0, 0]


def test_cards_keep_the_solution(whole: StarList, solution: Solution) -> None:
    header = solution.wcs.to_header(relax=True)
    header["NAXIS"] = 2
    again = WCS(header)
    grid = whole.grid()
    positions = SkyCoord(*again.all_pix2world(*grid, 0), unit="deg")
    separation = positions.separation(SkyCoord(*solution.to_sky(*grid), unit="deg"))
    # Cards hold 12 digits; 1e-6 degree is 0.0004 px.
    assert separation.deg.max() < 1e-6


def test_scale_is_that_of_the_middle(whole: StarList, solution: Solution) -> None:
    ra_deg, dec_deg = whole.truth.all_pix2world([2603, 2604, 2603], [1737, 1737, 1738], 0)
    right, up = SkyCoord(ra_deg, dec_deg, unit="deg")[0].separation(
        SkyCoord(ra_deg, dec_deg, unit="deg")[1:]
    )
    area = (right * up).to_value(u.arcsec**2)
    assert solution.pixel_scale_arcsec == pytest.approx(np.sqrt(area), rel=1e-4)


@pytest.mark.parametrize("dec_deg", [-60.0, 0.0, 44.5])
def test_rotation_is_the_position_angle_of_y(dec_deg: float) -> None:
    stars = star_list(10.0, dec_deg)
    ra, dec = stars.truth.all_pix2world([2603.5, 2603.5], [1737.5, 1738.5], 0)
    middle, above = SkyCoord(ra, dec, unit="deg")
    expected = middle.position_angle(above).deg
    # 3000 stars with 0.15 px over a frame of 5208 px: 1e-4 degree.
    assert solution_of(stars).rotation_deg == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("count", [10, 25, 60])
def test_few_stars_are_not_overfitted(count: int) -> None:
    stars = star_list(width=700, height=700, count=count)
    errors = errors_px(solution_of(stars), stars)
    # A straight fit through 10 stars of 0.15 px: 0.08 px in the middle, 0.3 at the corners.
    # A cubic through 10 stars would be off by pixels there.
    assert errors.max() < 0.6


def test_ten_stars_carry_no_distortion() -> None:
    sip = solution_of(star_list(width=700, height=700, count=10)).wcs.sip
    assert not sip.a.any()
    assert not sip.b.any()


def test_a_whole_frame_carries_distortion(whole: StarList, solution: Solution) -> None:
    corner = np.array([[0.0, 0.0]])
    moved, true = (wcs.pix2foc(corner, 0) for wcs in (solution.wcs, whole.truth))
    # The simulated lens moves the corner by 12.5 px (0.4 % of 3130 px).
    assert np.hypot(*(true - corner)[0]) == pytest.approx(12.5, abs=0.2)
    assert np.hypot(*(moved - true)[0]) < 0.3


def test_spurious_sources_and_wrong_stars_do_no_harm(whole: StarList) -> None:
    random = np.random.default_rng(1)
    found = whole.detections
    moved = random.random(len(found)) < 0.1
    x_px = np.where(moved, found.x_px + 1.2, found.x_px)
    x_px = np.append(x_px, random.uniform(0, 5207, 1000))
    y_px = np.append(found.y_px, random.uniform(0, 3475, 1000))
    stars = whole.with_detections(x_px, y_px)
    # A tenth of the places is wrong by 1.2 px: taken for right, they would shift all by 0.12.
    assert rms(errors_px(solution_of(stars), stars)) < 0.05


@pytest.mark.parametrize("hidden", [0.3, 0.5])
def test_clouds_may_hide_half_of_the_stars(whole: StarList, hidden: float) -> None:
    seen = np.random.default_rng(2).random(len(whole.detections)) > hidden
    stars = whole.with_detections(whole.detections.x_px[seen], whole.detections.y_px[seen])
    assert rms(errors_px(solution_of(stars), stars)) < 0.06


def test_four_stars_of_five_missing_is_no_solution(whole: StarList) -> None:
    seen = np.random.default_rng(3).random(len(whole.detections)) > 0.8
    stars = whole.with_detections(whole.detections.x_px[seen], whole.detections.y_px[seen])
    assert_poor(stars, "bright stars")


def test_a_mirror_image_is_refused(whole: StarList) -> None:
    """A solver that took the frame for its mirror image agrees with itself and with the stars."""
    mirrored = whole.with_detections(5207 - whole.detections.x_px, whole.detections.y_px)
    first = whole.first.deepcopy()
    first.wcs.cd = first.wcs.cd * [-1, 1]
    first.wcs.crpix = [5209 - first.wcs.crpix[0], first.wcs.crpix[1]]
    first.sip = type(first.sip)(first.sip.a, first.sip.b, None, None, first.wcs.crpix)
    first.wcs.set()
    with pytest.raises(UnsolvedError, match="rows are upside down") as caught:
        solution_of(replace(mirrored, first=first))
    assert caught.value.reason is Reason.UPSIDE_DOWN


@pytest.mark.parametrize("scale", [0.85, 1.2])
def test_another_camera_s_scale_is_refused(scale: float) -> None:
    assert_poor(star_list(scale=scale), "arcsec per pixel")


def test_a_catalog_of_another_place_is_refused(whole: StarList) -> None:
    """By 100 pixels, so that stars still lie all over the frame, but none where it should be."""
    shifted = replace(whole, dec_deg=whole.dec_deg + 100 * SCALE_ARCSEC / 3600)
    assert_poor(shifted, "bright stars")


@pytest.mark.parametrize("shift_px", [20, 300])
def test_a_first_solution_beside_the_truth_is_refused(whole: StarList, shift_px: int) -> None:
    first = whole.first.deepcopy()
    first.wcs.crpix = first.wcs.crpix + np.array([0, shift_px])
    first.wcs.set()
    assert_poor(replace(whole, first=first), "bright stars")


def test_blurred_places_are_refused() -> None:
    """Scatter of 1 pixel an axis: no star's place could be told from its neighbour's."""
    assert_poor(star_list(noise_px=1.0), "away from their catalog positions")


@pytest.mark.parametrize("count", [0, 1, 7])
def test_too_small_a_catalog_is_refused(whole: StarList, count: int) -> None:
    few = replace(whole, ra_deg=whole.ra_deg[:count], dec_deg=whole.dec_deg[:count])
    assert_poor(few, "only")


@pytest.mark.parametrize("count", [0, 1, 7])
def test_too_few_sources_are_refused(whole: StarList, count: int) -> None:
    found = whole.detections
    assert_poor(whole.with_detections(found.x_px[:count], found.y_px[:count]), "only")


def test_rendered_frame_follows_the_truth(milky_way: Field) -> None:
    stars = milky_way.truth.stars[milky_way.truth.stars["gaia_mag"] < 13]
    true = milky_way.truth.wcs
    ra_deg, dec_deg = (np.array(stars[name]) for name in ("ra_deg", "dec_deg"))
    solution = refit(true, milky_way.detections, ra_deg, dec_deg, milky_way.frame)
    x_px, y_px = np.meshgrid(np.linspace(0, 699, 20), np.linspace(0, 699, 20))
    found_x, found_y = solution.to_pixels(*true.all_pix2world(x_px.ravel(), y_px.ravel(), 0))
    errors = np.hypot(found_x - x_px.ravel(), found_y - y_px.ravel())
    # Some hundred stars that scatter by 0.3 px, blends among them; the issue asks for 0.3.
    assert rms(errors) < 0.1
