"""The simulated night of the bench: its queue is that of the theory, and its images all end."""

import importlib
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module("night_of_units")


def test_one_machine_waits_as_pollaczek_and_khinchine_say(bench: ModuleType) -> None:
    service_s, load, sigma = 1.4, 0.7, 0.3
    rng = np.random.default_rng(7)
    arrivals = np.cumsum(rng.exponential(service_s / load, 200_000))
    group = bench.Group(1, 1, life_s=math.inf, shortage=0.0)
    night = bench.night(arrivals, service_s, group, 7)
    # Mean wait of M/G/1: rho / (1 - rho) * E[S^2] / (2 E[S]); of a lognormal with that mean.
    expected = service_s * math.exp(sigma**2) / 2 * load / (1 - load)
    # Its own scatter over 200,000 customers that follow each other is some percent.
    assert np.mean(night.delays_s) - service_s == pytest.approx(expected, rel=0.05)


def test_every_image_ends_though_machines_vanish(bench: ModuleType) -> None:
    arrivals = bench.Fleet(20).arrivals(np.random.default_rng(3))
    group = bench.Group(1, 10, life_s=600.0)
    night = bench.night(arrivals, 1.4, group, 3)
    assert len(night.delays_s) == 20 * 2 * int(9 * 3600 / 130)
    assert night.delays_s.min() > 0
    assert night.most_machines <= 10 + 1  # one that leaves after its image, and its successor
    assert night.machine_s >= len(arrivals) * 1.4 * 0.99


def test_more_images_need_more_machines(bench: ModuleType) -> None:
    sizes = []
    for units in (20, 100):
        arrivals = bench.Fleet(units).arrivals(np.random.default_rng(1))
        machines, night = bench.fewest(arrivals, 5.0, 1)
        assert night.longest_s() <= bench.LIMIT_S
        sizes.append(machines)
    # No group can do with less than the work that comes in while most units observe.
    assert sizes[0] < sizes[1]
    assert sizes[1] >= 0.8 * 100 * 2 / 130 * 5.0
