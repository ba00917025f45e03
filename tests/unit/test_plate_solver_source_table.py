"""Rows of sources: what is in them, and that their stamps are the frame's own pixels."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from numpy.typing import NDArray

from panoptes_network.arrays import Floats
from panoptes_network.catalog.lookup import CatalogStars
from panoptes_network.database.copy import encode
from panoptes_network.frames.bayer import STAMP_SIDE, stamp_fits
from panoptes_network.frames.frame import Frame
from plate_solver.catalog_stars import UnseenStars
from plate_solver.detection import Detections
from plate_solver.pipeline import match_stars
from plate_solver.refit import Solution
from plate_solver.source_table import (
    Matches,
    Rows,
    detected_rows,
    known_rows,
    matched_rows,
    unseen_rows,
)
from simulator.optics import field_wcs
from tests.unit.plate_solver_fields import SCALE_ARCSEC, Field, sources_at

HEIGHT, WIDTH = 300, 401
COUNT = 400
IMAGE_KEY = 2**40 + 1
TIME = datetime(2018, 10, 11, 13, 43, 33, 250_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def frame() -> Frame:
    random = np.random.default_rng(7)
    return Frame(random.integers(0, 2**16, (HEIGHT, WIDTH), dtype=np.uint16))


@pytest.fixture(scope="module")
def detections() -> Detections:
    """Sources all over the frame, to its very edges."""
    random = np.random.default_rng(8)
    x_px = random.uniform(-0.5, WIDTH - 0.5, COUNT).astype(np.float32)
    y_px = random.uniform(-0.5, HEIGHT - 0.5, COUNT).astype(np.float32)
    return sources_at(x_px.astype(np.float64), y_px.astype(np.float64))


@pytest.fixture(scope="module")
def solution() -> Solution:
    return Solution(field_wcs(301.6, 44.5, 0.7, WIDTH, HEIGHT), 2.0)


def catalog(count: int, mag: Floats | None = None) -> CatalogStars:
    """Return stars of the TIC and of Gaia in turn; their places are given apart."""
    zeros = np.zeros(count)
    return CatalogStars(
        is_tic=np.arange(count) % 2 == 0,
        picid=np.arange(count, dtype=np.int64) * 10**15 + 7,
        ra_deg=zeros,
        dec_deg=zeros,
        pmra_masyr=zeros.astype(np.float32),
        pmdec_masyr=zeros.astype(np.float32),
        mag=np.arange(count, dtype=np.float32) if mag is None else mag.astype(np.float32),
    )


@pytest.fixture(scope="module")
def matches(detections: Detections, frame: Frame) -> Matches:
    """Every source has a star 0.3 px to its right, the last source the first star."""
    places = detections.x_px[::-1] + 0.3, detections.y_px[::-1]
    return match_stars(detections, catalog(COUNT), places, frame)


@pytest.fixture(scope="module")
def groups(
    detections: Detections, matches: Matches, solution: Solution, frame: Frame
) -> list[Rows]:
    return rows_of(detections, matches, solution, frame, catalog(COUNT))


def rows_of(
    detections: Detections, matches: Matches, solution: Solution, frame: Frame, stars: CatalogStars
) -> list[Rows]:
    """Return the rows of sources that are no star, of the TIC's stars and of Gaia's."""
    detected = detected_rows(IMAGE_KEY, TIME, detections, solution)
    matched = matched_rows(detected, matches, SCALE_ARCSEC)
    neighbours = np.arange(len(stars)) / 100
    tic, no_tic, gaia, no_gaia = known_rows(matched, matches.stars, stars, neighbours, frame)
    assert not len(no_tic)
    assert not len(no_gaia)
    return [np.delete(detected, matches.sources), tic, gaia]


def stamp_of(row: np.void) -> NDArray[np.uint16]:
    """Read a stamp as the documentation of the table says: big-endian, row by row."""
    values = np.frombuffer(row["stamp"].tobytes(), dtype=">u2").astype(np.uint16)
    return values.reshape(row["stamp_side"], row["stamp_side"])


def test_every_source_is_in_one_group(groups: list[Rows]) -> None:
    numbers = np.concatenate([rows["number"] for rows in groups])
    assert sorted(numbers.tolist()) == list(range(COUNT))
    assert all(len(rows) > 10 for rows in groups)


def test_what_was_measured(groups: list[Rows], detections: Detections, solution: Solution) -> None:
    ra_deg, dec_deg = solution.to_sky(detections.x_px, detections.y_px)
    for rows in groups:
        number = rows["number"]
        assert (rows["image_key"] == IMAGE_KEY).all()
        assert (rows["time"] == np.datetime64("2018-10-11T13:43:33.250")).all()
        np.testing.assert_array_equal(rows["ra_deg"], ra_deg[number])
        np.testing.assert_array_equal(rows["dec_deg"], dec_deg[number])
        for name in ("x_px", "y_px", "flux_adu", "flux_err_adu", "peak_adu", "fwhm_px"):
            expected = getattr(detections, name)[number].astype(np.float32)
            np.testing.assert_array_equal(rows[name], expected)


def test_time_of_another_zone_is_converted(detections: Detections, solution: Solution) -> None:
    hawaii = TIME.astimezone(timezone(timedelta(hours=-10)))
    rows = detected_rows(1, hawaii, detections, solution)
    assert (rows["time"] == np.datetime64("2018-10-11T13:43:33.250")).all()


def test_known_stars(groups: list[Rows]) -> None:
    _, tic, gaia = groups
    for rows, name, parity in ((tic, b"tic", 0), (gaia, b"gaia", 1)):
        star = (rows["picid"] - 7) // 10**15
        np.testing.assert_array_equal(star, COUNT - 1 - rows["number"])
        assert (star % 2 == parity).all()
        assert (rows["catalog"] == name).all()
        assert rows["is_detected"].all()
        np.testing.assert_allclose(rows["neighbour_flux"], star / 100)
        np.testing.assert_allclose(rows["separation_arcsec"], 0.3 * SCALE_ARCSEC, rtol=1e-5)


def test_stamps_are_the_frame_s_own_pixels(groups: list[Rows], frame: Frame) -> None:
    for row in np.concatenate(
        [rows[["stamp_x", "stamp_y", "stamp_side", "stamp"]] for rows in groups[1:]]
    ):
        x, y = int(row["stamp_x"]), int(row["stamp_y"])
        cut = frame.mosaic[y : y + STAMP_SIDE, x : x + STAMP_SIDE]
        np.testing.assert_array_equal(stamp_of(row), cut)


def test_stamps_start_on_green_and_hold_their_source_in_the_middle(groups: list[Rows]) -> None:
    for rows in groups[1:]:
        for place, corner in (("x_px", "stamp_x"), ("y_px", "stamp_y")):
            assert (rows[corner] % 2 == 0).all()
            middle = rows[corner] + STAMP_SIDE // 2 - 1
            # The two pixels from `middle` reach from half a pixel before to one and a half after.
            assert (rows[place] >= middle - 0.5).all()
            assert (rows[place] <= middle + 1.5).all()


def test_sources_without_room_for_a_stamp_are_not_matched(
    groups: list[Rows], detections: Detections
) -> None:
    fits = stamp_fits(detections.x_px, detections.y_px, (HEIGHT, WIDTH))
    assert 0 < (~fits).sum() < COUNT
    assert not fits[groups[0]["number"]].any()
    assert "stamp" not in (groups[0].dtype.names or ())


def test_a_star_of_unknown_magnitude_chooses_last(frame: Frame) -> None:
    stars = catalog(2, mag=np.array([np.nan, 14.0]))
    places = np.array([100.0, 101.0]), np.array([100.0, 100.0])
    found = match_stars(sources_at(np.array([100.0]), np.array([100.0])), stars, places, frame)
    assert found.stars.tolist() == [1]
    assert found.separation_px.tolist() == [1.0]


@pytest.mark.parametrize("count", [0, 3])
def test_nothing_matched(solution: Solution, frame: Frame, count: int) -> None:
    sources = sources_at(np.full(count, 100.0), np.full(count, 100.0))
    nowhere = np.full(5, np.nan)
    matches = match_stars(sources, catalog(5), (nowhere, nowhere), frame)
    groups = rows_of(sources, matches, solution, frame, catalog(5))
    assert [len(rows) for rows in groups] == [count, 0, 0]


def test_all_matched(solution: Solution, frame: Frame) -> None:
    sources = sources_at(np.array([100.0, 200.0]), np.array([100.0, 200.0]))
    matches = match_stars(sources, catalog(2), (sources.x_px, sources.y_px), frame)
    groups = rows_of(sources, matches, solution, frame, catalog(2))
    assert [len(rows) for rows in groups] == [0, 1, 1]


def test_stars_that_were_not_detected(solution: Solution, frame: Frame) -> None:
    unseen = UnseenStars(
        stars=np.array([3, 4, 1]),
        x_px=np.array([100.25, 200.5, 300.0]),
        y_px=np.array([50.0, 60.0, 70.0]),
        flux_adu=np.array([500.0, -20.0, 0.0]),
        flux_err_adu=np.array([30.0, 31.0, 32.0]),
        peak_adu=np.array([100.0, -3.0, 0.0]),
        flags=np.array([0, 4, 0]),
    )
    neighbours = np.array([np.nan, 0.5, np.nan, np.nan, 2.0])
    rows = unseen_rows(IMAGE_KEY, TIME, unseen, solution, first=7)
    tic, no_tic, gaia, no_gaia = known_rows(rows, unseen.stars, catalog(5), neighbours, frame)
    assert [group["number"].tolist() for group in (tic, no_tic, gaia, no_gaia)] == [
        [8],
        [],
        [9],
        [7],
    ]
    assert [group["picid"].item() for group in (tic, gaia, no_gaia)] == [
        4 * 10**15 + 7, 10**15 + 7, 3 * 10**15 + 7,
    ]  # fmt: skip
    # What is not known has no column, and is NULL.
    assert "neighbour_flux" not in (no_gaia.dtype.names or ())
    assert (tic["neighbour_flux"].item(), gaia["neighbour_flux"].item()) == (2.0, 0.5)
    for group in (tic, gaia, no_gaia):
        assert not {"fwhm_px", "ellipticity", "separation_arcsec"} & set(group.dtype.names or ())
        assert not group["is_detected"].any()
    assert (tic["flux_adu"].item(), tic["flux_err_adu"].item(), tic["flags"].item()) == (-20, 31, 4)
    place = solution.to_sky(unseen.x_px[1:2], unseen.y_px[1:2])
    assert (tic["ra_deg"], tic["dec_deg"]) == place
    x, y = int(tic["stamp_x"].item()), int(tic["stamp_y"].item())
    np.testing.assert_array_equal(stamp_of(tic[0]), frame.mosaic[y : y + 10, x : x + 10])
    assert (x, y) == (196, 56)


def test_a_row_with_its_stamp_is_small(groups: list[Rows]) -> None:
    """Millions of them come in a night: 450 bytes each is the design's limit."""
    for rows in groups:
        assert len(encode(rows)) / len(rows) < 450


def test_rendered_stars_get_their_own_stamp(high_latitude: Field) -> None:
    """The brightest pixels of a stamp lie in its middle."""
    field, stars = high_latitude, high_latitude.inner_stars(20)
    stars = stars[(stars["snr"] > 50) & ~stars["saturated"]]
    places = np.asarray(stars["x"]), np.asarray(stars["y"])
    found = match_stars(field.detections, catalog(len(stars)), places, field.frame)
    assert len(found.sources) > 0.9 * len(stars)
    solution = Solution(field.truth.wcs, 2.0)
    groups = rows_of(field.detections, found, solution, field.frame, catalog(len(stars)))
    mean = np.mean([stamp_of(row) for rows in groups[1:] for row in rows], axis=0)
    cells = mean.reshape(5, 2, 5, 2).sum(axis=(1, 3))
    assert np.argmax(cells) == 2 * 5 + 2
