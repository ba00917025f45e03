"""The figures of a frame, against astropy's spherical geometry and against the truth."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from panoptes_network.arrays import Floats
from panoptes_network.figures import FIGURES
from panoptes_network.frames.frame import Frame
from plate_solver.detection import Detections
from plate_solver.quality import LIMIT_SNR, astrometric_figures, photometric_figures
from plate_solver.refit import Solution
from simulator.optics import field_wcs
from tests.unit.plate_solver_fields import SCALE_ARCSEC, Field, sources_at

HEIGHT, WIDTH = 800, 1000
NONE = np.zeros(0, dtype=np.int64)


def solved(ra_deg: float, dec_deg: float) -> tuple[Solution, Frame]:
    frame = Frame(np.zeros((HEIGHT, WIDTH), dtype=np.uint16))
    return Solution(field_wcs(ra_deg, dec_deg, 0.7, WIDTH, HEIGHT), 2.5), frame


def sources_with_snr(snr: Floats) -> Detections:
    sources = sources_at(np.zeros(len(snr)), np.zeros(len(snr)))
    return replace(sources, flux_adu=100 * snr, flux_err_adu=np.full(len(snr), 100.0))


@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(301.6, 44.5), (0.0, 0.0), (10.0, 89.9)])
def test_centre_scale_rotation_and_corners(ra_deg: float, dec_deg: float) -> None:
    solution, frame = solved(ra_deg, dec_deg)
    figures = astrometric_figures(solution, frame)
    centre = SkyCoord(figures["ra_deg"], figures["dec_deg"], unit="deg")
    assert centre.separation(SkyCoord(ra_deg, dec_deg, unit="deg")).arcsec < 0.01
    assert 0 <= figures["ra_deg"] <= 360
    assert figures["pixel_scale_arcsec"] == pytest.approx(SCALE_ARCSEC, rel=1e-9)
    assert figures["rotation_deg"] == pytest.approx(90 - 0.7)
    assert figures["rms_arcsec"] == 2.5
    corners = SkyCoord(np.reshape(figures["footprint_deg"], (4, 2)), unit="deg")
    sides = corners.separation(corners[[1, 2, 3, 0]]).arcsec / SCALE_ARCSEC
    # From outer edge to outer edge; distortion at 640 px of 3130 is 0.02 %.
    np.testing.assert_allclose(sides, [WIDTH, HEIGHT, WIDTH, HEIGHT], rtol=2e-3)
    assert corners[0].separation(corners[2]).deg == pytest.approx(
        2 * corners[0].separation(centre).deg, rel=1e-3
    )


def test_footprint_starts_at_the_first_pixel() -> None:
    solution, frame = solved(301.6, 44.5)
    first = astrometric_figures(solution, frame)["footprint_deg"][:2]
    expected = solution.wcs.all_pix2world([[-0.5, -0.5]], 0)[0]
    np.testing.assert_allclose(first, expected, rtol=1e-12)


def test_all_figures_can_be_written_to_the_database() -> None:
    figures = astrometric_figures(*solved(301.6, 44.5))
    assert all(type(value) is float for value in figures["footprint_deg"])
    assert all(type(v) is float for k, v in figures.items() if k != "footprint_deg")


def test_every_figure_of_the_table_is_measured() -> None:
    measured = {
        *astrometric_figures(*solved(301.6, 44.5)),
        *photometric_figures(sources_with_snr(np.zeros(0)), NONE, np.zeros(0)),
        "n_stamps",  # counted where the stamps are cut
    }
    assert {figure.name for figure in FIGURES} <= measured


def test_counts() -> None:
    matched = np.array([0, 2, 3])
    figures = photometric_figures(sources_with_snr(np.full(5, 30.0)), matched, np.zeros(3))
    assert (figures["n_sources"], figures["n_matched"]) == (5, 3)


def test_fwhm_is_that_of_clean_bright_sources() -> None:
    sources = replace(
        sources_with_snr(np.array([100.0, 50.0, 25.0, 15.0, 80.0])),
        fwhm_px=np.array([2.0, 2.4, 2.2, 9.0, 7.0]),
        flags=np.array([0, 0, 0, 0, 4]),
    )
    assert photometric_figures(sources, NONE, np.zeros(0))["fwhm_px"] == 2.2


def test_background_is_the_median_of_the_sources() -> None:
    sources = replace(sources_with_snr(np.full(3, 9.0)), background_adu=np.array([90, 120, 150.0]))
    assert photometric_figures(sources, NONE, np.zeros(0))["background_adu"] == 120


def test_limiting_magnitude_is_where_the_signal_meets_the_limit() -> None:
    """Stars whose signal falls by 10^0.4 a magnitude, from S/N 5 at magnitude 14.2."""
    magnitudes = np.linspace(8, 15, 50)
    snr = LIMIT_SNR * 10 ** (0.4 * (14.2 - magnitudes))
    figures = photometric_figures(sources_with_snr(snr), np.arange(50), magnitudes)
    assert figures["limiting_mag"] == pytest.approx(14.2, abs=1e-9)
    # S/N 5 is a flux of 500 ADU here.
    assert figures["zero_point_mag"] == pytest.approx(14.2 + 2.5 * np.log10(500), abs=1e-9)


def test_saturated_stars_and_those_of_unknown_magnitude_do_not_count() -> None:
    sources = sources_with_snr(np.array([40.0, 40.0, 40.0, 10.0]))
    sources = replace(sources, flags=np.array([0, 4, 0, 0]))
    figures = photometric_figures(sources, np.arange(3), np.array([12.0, 7.0, np.nan]))
    assert figures["limiting_mag"] == pytest.approx(12 + 2.5 * np.log10(40 / LIMIT_SNR))


def test_a_catalog_of_bright_stars_is_enough_for_the_limiting_magnitude() -> None:
    magnitudes = np.linspace(8, 15, 50)
    sources = sources_with_snr(LIMIT_SNR * 10 ** (0.4 * (14.2 - magnitudes)))
    figures = photometric_figures(sources, np.arange(10), magnitudes[:10])
    assert figures["limiting_mag"] == pytest.approx(14.2, abs=1e-9)


def test_what_cannot_be_told_is_none() -> None:
    figures = photometric_figures(sources_with_snr(np.zeros(0)), NONE, np.zeros(0))
    assert figures == {
        "n_sources": 0,
        "n_matched": 0,
        "fwhm_px": None,
        "background_adu": None,
        "limiting_mag": None,
        "zero_point_mag": None,
    }
    bright = photometric_figures(sources_with_snr(np.full(2, 500.0)), np.arange(2), np.ones(2))
    assert bright["limiting_mag"] is None


def test_rendered_frame(high_latitude: Field) -> None:
    found = high_latitude.detections
    figures = photometric_figures(found, NONE, np.zeros(0))
    # The core's FWHM is 1.6-2.1 px by colour (docs/decisions/0005), widened by superpixels.
    assert figures["fwhm_px"] is not None
    assert 1.6 < figures["fwhm_px"] < 3.0
    assert figures["n_sources"] == len(found)
