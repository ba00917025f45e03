import numpy as np
import pytest

from simulator import sky


def test_gaia_positions_are_of_j2016() -> None:
    # Barnard's star in Gaia DR3 (source 4472832130942575872), epoch J2016.0; at J2000.0 it
    # stood 165" further south.
    stars = sky.bright_stars()
    (barnard,) = stars[stars["id"] == 4472832130942575872]
    assert barnard["ra_deg"] == pytest.approx(269.44850, abs=1e-5)
    assert barnard["dec_deg"] == pytest.approx(4.73942, abs=1e-5)


def test_hipparcos_positions_are_of_j2016_too() -> None:
    # Sirius (HIP 32349): J2000.0 place -16.716116 and motion -1.22307"/yr (van Leeuwen 2007).
    stars = sky.bright_stars()
    (sirius,) = stars[stars["id"] == 32349]
    assert sirius["dec_deg"] == pytest.approx(-16.716116 - 16 * 1.22307 / 3600, abs=1e-5)


def test_colours_come_from_the_columns_named_proper_motion() -> None:
    # Barnard's star has BP 9.79 and RP 6.96 in Gaia DR3.
    stars = sky.bright_stars()
    (barnard,) = stars[stars["id"] == 4472832130942575872]
    assert barnard["bp_rp_mag"] == pytest.approx(9.792 - 6.958, abs=1e-3)


def test_the_same_stars_stand_in_overlapping_cones() -> None:
    here = sky.stars_in_cone(83.8, -5.4, 1.5, seed=3)
    there = sky.stars_in_cone(84.3, -5.0, 1.5, seed=3)
    common = np.intersect1d(here["id"], there["id"])
    assert common.size > 1000
    chosen = [cone[np.isin(cone["id"], common)] for cone in (here, there)]
    a, b = (stars[np.argsort(stars["id"])] for stars in chosen)
    np.testing.assert_array_equal(a, b)


def test_another_seed_keeps_the_catalog_and_invents_other_stars() -> None:
    one, other = (sky.stars_in_cone(83.8, -5.4, 1.0, seed) for seed in (1, 2))
    bright, as_bright = (stars[stars["gaia_mag"] < 10]["id"] for stars in (one, other))
    np.testing.assert_array_equal(bright, as_bright)
    assert one.size != other.size


def test_ids_are_unique_positive_and_fit_64_bits() -> None:
    ids = sky.stars_in_cone(301.5, 44.5, 4, seed=0)["id"]
    assert np.unique(ids).size == ids.size
    assert ids.min() > 0


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg", "slope"), [(308.0, 41.0, 0.40), (192.86, 27.13, 0.33)]
)
def test_counts_rise_as_measured(ra_deg: float, dec_deg: float, slope: float) -> None:
    # The Milky Way in Cygnus and the galactic pole; Poisson noise of some 2000 stars in the
    # sparser of the two ranges moves the slope by 0.005, the passage between cells by less.
    magnitude = sky.stars_in_cone(ra_deg, dec_deg, 6, seed=0)["gaia_mag"]
    magnitude = magnitude[magnitude >= 10]
    brighter = magnitude.size / (10 ** (slope * (sky.FAINTEST_MAG - 10)) - 1)
    below_14 = np.count_nonzero(magnitude < 14) + brighter
    rise = np.log10((magnitude.size + brighter) / below_14) / (sky.FAINTEST_MAG - 14)
    assert rise == pytest.approx(slope, abs=0.015)


def test_proper_motion_moves_a_star() -> None:
    star = np.zeros(1, sky.STAR_DTYPE)
    star["ra_deg"], star["dec_deg"] = 359.9999, 60.0
    star["pm_ra_mas_yr"], star["pm_dec_mas_yr"] = 3600.0, -1800.0
    ra_deg, dec_deg = sky.at_epoch(star, 2026.0)
    # Ten years: 36" along the parallel, twice that in right ascension at 60 degrees; 18" south.
    assert ra_deg == pytest.approx(359.9999 + 0.02 - 360, abs=1e-9)
    assert dec_deg == pytest.approx(60 - 0.005, abs=1e-9)
