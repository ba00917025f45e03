"""The bench's injections: a transit that is put in is found, and judged by its time."""

import numpy as np
import pytest

from bench.injections import inject, judge
from light_curves.search.night import Night
from light_curves.search.transits import search_transits
from tests.unit.light_curves_simulated import SimulatedNight


def test_deep_transits_are_found_at_their_time_and_none_where_the_time_is_wrong() -> None:
    stars, constant = np.arange(20), np.arange(20, 400)
    curves, middles = inject(SimulatedNight(stars=400).curves(), stars, 0.015, 2.5, seed=5)
    search = search_transits(Night.of_curves(curves))
    assert search is not None
    judged = judge(search, stars, middles, constant)
    assert judged.above_constant.mean() > 0.9
    assert judged.below_probability.mean() > 0.9
    assert np.median(judged.depth) == pytest.approx(0.015, rel=0.1)
    assert not judge(search, stars, middles + 0.1, constant).above_constant.any()
