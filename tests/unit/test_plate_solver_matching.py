"""Matching, against a loop over all pairs, and its rules one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from panoptes_network.arrays import Floats
from plate_solver.matching import MATCH_RADIUS_PX, match

# A small square, so that most points have several neighbours within the radius.
POINTS = st.lists(st.tuples(st.floats(0, 12), st.floats(0, 12)), max_size=25)


def columns(points: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return x, y


def matched(
    sources: list[tuple[float, float]], stars: list[tuple[float, float]], rank: list[float]
) -> dict[int, int]:
    """Return star of source."""
    pairs = match(*columns(sources), *columns(stars), np.array(rank, dtype=np.float64))
    assert all(indices.dtype == np.int64 for indices in pairs)
    return dict(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))


def by_all_pairs(
    sources: list[tuple[float, float]], stars: list[tuple[float, float]]
) -> dict[int, int]:
    """Let stars choose in turn, the first star first, each the nearest source that is left."""
    source_x, source_y = columns(sources)
    left = np.ones(len(sources), dtype=np.bool_)
    chosen = {}
    for star, (x, y) in enumerate(stars):
        distance = np.where(left, np.hypot(source_x - x, source_y - y), np.inf)
        if len(distance) and distance.min() <= MATCH_RADIUS_PX:
            source = int(np.argmin(distance))
            chosen[source] = star
            left[source] = False
    return chosen


@settings(deadline=None)  # a busy machine is no failure
@given(POINTS, POINTS)
def test_stars_choose_in_turn(
    sources: list[tuple[float, float]], stars: list[tuple[float, float]]
) -> None:
    pairs = matched(sources, stars, list(range(len(stars))))
    expected = by_all_pairs(sources, stars)
    # Of equally near sources either may be chosen: compare the distances, not the names.
    assert sorted(pairs.values()) == sorted(expected.values()) or _has_ties(sources, stars)


def _has_ties(sources: list[tuple[float, float]], stars: list[tuple[float, float]]) -> bool:
    source_x, source_y = columns(sources)
    for x, y in stars:
        distance = np.sort(np.hypot(source_x - x, source_y - y))
        if (np.abs(np.diff(distance)) < 1e-9).any() or (
            abs(distance - MATCH_RADIUS_PX) < 1e-9
        ).any():
            return True
    return False


@settings(deadline=None)  # a busy machine is no failure
@given(POINTS, POINTS)
def test_one_to_one_within_the_radius_and_nothing_left_over(
    sources: list[tuple[float, float]], stars: list[tuple[float, float]]
) -> None:
    rank = [float(index % 3) for index in range(len(stars))]
    source_x, source_y = columns(sources)
    star_x, star_y = columns(stars)
    found, chosen = match(source_x, source_y, star_x, star_y, np.array(rank))
    assert len(set(found.tolist())) == len(set(chosen.tolist())) == len(found) == len(chosen)
    assert (np.diff(found) > 0).all()
    apart = np.hypot(source_x[found] - star_x[chosen], source_y[found] - star_y[chosen])
    assert (apart <= MATCH_RADIUS_PX + 1e-9).all()
    for source in np.setdiff1d(np.arange(len(sources)), found):
        for star in np.setdiff1d(np.arange(len(stars)), chosen):
            distance = np.hypot(source_x[source] - star_x[star], source_y[source] - star_y[star])
            assert distance > MATCH_RADIUS_PX - 1e-9


def test_the_brightest_of_a_blend_wins_though_a_fainter_is_nearer() -> None:
    assert matched([(5, 5)], [(5.1, 5), (6, 5)], rank=[12.0, 9.0]) == {0: 1}


def test_a_fainter_star_takes_what_is_left() -> None:
    sources = [(5.0, 5.0), (7.0, 5.0)]
    assert matched(sources, [(5.8, 5), (5.2, 5)], rank=[12.0, 9.0]) == {0: 1, 1: 0}


def test_a_star_takes_the_nearest_source() -> None:
    assert matched([(5, 5), (6.5, 5)], [(6, 5)], rank=[9.0]) == {1: 0}


def test_a_star_without_a_magnitude_chooses_last() -> None:
    assert matched([(5, 5)], [(5, 5), (6, 5)], rank=[np.inf, 14.0]) == {0: 1}


def test_the_radius_is_the_limit() -> None:
    assert matched([(5, 5)], [(5 + MATCH_RADIUS_PX - 0.01, 5)], rank=[9.0]) == {0: 0}
    assert matched([(5, 5)], [(5 + MATCH_RADIUS_PX + 0.01, 5)], rank=[9.0]) == {}


def test_stars_off_the_frame_match_nothing() -> None:
    nowhere = [(np.nan, 5.0), (5.0, np.nan), (np.nan, np.nan), (np.inf, 5.0)]
    assert matched([(5, 5)], nowhere, rank=[1.0, 2.0, 3.0, 4.0]) == {}
    assert matched([(5, 5)], [*nowhere, (5, 5)], rank=[1.0, 2.0, 3.0, 4.0, 5.0]) == {0: 4}


def test_empty_inputs() -> None:
    assert matched([], [], rank=[]) == {}
    assert matched([(5, 5)], [], rank=[]) == {}
    assert matched([], [(5, 5)], rank=[9.0]) == {}
