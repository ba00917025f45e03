"""A night of many units in small: how many plate solvers keep delays below ten minutes?

A discrete-event simulation. Cameras expose all night and upload each frame at once; some units are
off the internet until dawn and then send the whole night. Plate solvers take one image at a time;
their group grows with the queue as the autoscaler of `infra/solver.tf` does, spot machines vanish
and are replaced. The service time is measured: `bench/bench_plate_solver.py` prints it.

    .venv/bin/python bench/night_of_units.py --units 1000 --service-s 1.4
"""

import argparse
import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import table
from numpy.typing import NDArray

from deployment.service import deployments

HOUR_S = 3600.0
LIMIT_S = 600.0
"""The longest delay from upload to end that is wanted."""

LONGEST_BY_SHARE = 1e-4
"""One image in ten thousand may wait for longer: a figure of the very last one is chance."""


@dataclass(frozen=True)
class Fleet:
    """The units and what they send.

    Attributes
    ----------
    units, cameras : int
        Units, and cameras of each.
    cadence_s : float
        From one exposure to the next: 120 s and the reading out.
    night_s, spread_s : float
        How long each observes, and within what time all begin: the width of their longitudes.
    offline : float
        Share of units that send all at dawn.
    link_s : float
        What an image takes on the way up then: 20 MB at 10 Mbit/s.
    """

    units: int
    cameras: int = 2
    cadence_s: float = 130
    night_s: float = 9 * HOUR_S
    spread_s: float = 4 * HOUR_S
    offline: float = 0.1
    link_s: float = 16

    def arrivals(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return when images arrive, in order, seconds from the first unit's dusk on."""
        n_frames = int(self.night_s / self.cadence_s)
        dusks = rng.uniform(0, self.spread_s, self.units)
        is_offline = rng.random(self.units) < self.offline
        shots = np.arange(n_frames) * self.cadence_s
        times = []
        for dusk, offline in zip(dusks, is_offline, strict=True):
            for _ in range(self.cameras):
                if offline:
                    sent = self.night_s + np.arange(n_frames) * self.link_s * self.cameras
                else:
                    sent = shots + rng.uniform(0, self.cadence_s)
                times.append(dusk + sent)
        return np.sort(np.concatenate(times)) if times else np.empty(0)


@dataclass(frozen=True)
class Group:
    """The group of machines.

    Attributes
    ----------
    least, most : int
        How many run at any time.
    images_each : int
        One machine is kept for so many waiting images.
    boot_s, look_s, calm_s : float
        From asking for a machine to its first image; how often the autoscaler looks; for how
        long the queue has to want fewer machines before one is given up.
    life_s : float
        How long a spot machine lasts on average.
    shortage_s, shortage : float
        When a share of all machines vanishes at once, and which share.
    """

    least: int
    most: int
    images_each: int = 40
    boot_s: float = 90
    look_s: float = 60
    calm_s: float = 600
    life_s: float = 6 * HOUR_S
    shortage_s: float = 7 * HOUR_S
    shortage: float = 0.5


@dataclass
class Night:
    """What became of a night: delays of all images, and the machines that it took."""

    delays_s: NDArray[np.float64]
    machine_s: float
    most_machines: int
    longest_queue: int

    def longest_s(self) -> float:
        """Return the delay that all but `LONGEST_BY_SHARE` of the images stay below."""
        return float(np.quantile(self.delays_s, 1 - LONGEST_BY_SHARE))


@dataclass
class Simulation:
    """One night: events in order of time, a queue, and machines that are idle, at work, booting."""

    group: Group
    service_s: float
    rng: np.random.Generator
    queue: deque[int] = field(default_factory=deque)
    idle: int = 0
    busy: int = 0
    booting: int = 0
    dying: int = 0
    now: float = 0.0
    machine_s: float = 0.0
    wanted_since: float = 0.0
    most_machines: int = 0
    longest_queue: int = 0

    def run(self, arrivals: NDArray[np.float64]) -> Night:
        """Let all images arrive and return when the last has ended."""
        self._events: list[tuple[float, int, str, int]] = []
        self._order = count()
        self._arrivals, self._ends = arrivals, np.zeros_like(arrivals)
        self._left = len(arrivals)
        for _ in range(self.group.least):
            self._machine_is_ready()
        self._at(self.group.look_s, "look")
        self._at(self.group.shortage_s, "shortage")
        following = 0
        while self._left:
            arrival = arrivals[following] if following < len(arrivals) else math.inf
            if arrival <= self._events[0][0]:
                self._pass_time(float(arrival))
                self.queue.append(following)
                following += 1
            else:
                time, _, kind, image = heapq.heappop(self._events)
                self._pass_time(time)
                getattr(self, f"_{kind}")(image)
            self._serve()
        delays = self._ends - arrivals
        return Night(delays, self.machine_s, self.most_machines, self.longest_queue)

    @property
    def _machines(self) -> int:
        return self.idle + self.busy + self.booting

    def _at(self, time: float, kind: str, image: int = -1) -> None:
        heapq.heappush(self._events, (time, next(self._order), kind, image))

    def _pass_time(self, time: float) -> None:
        self.machine_s += self._machines * (time - self.now)
        self.now = time
        self.most_machines = max(self.most_machines, self._machines)
        self.longest_queue = max(self.longest_queue, len(self.queue))

    def _serve(self) -> None:
        while self.queue and self.idle:
            self.idle -= 1
            self.busy += 1
            # Frames differ: bright fields and clouds. A third of scatter, the mean as measured.
            took = self.service_s * self.rng.lognormal(-(0.3**2) / 2, 0.3)
            self._at(self.now + took, "finished", self.queue.popleft())

    def _finished(self, image: int) -> None:
        self._ends[image] = self.now
        self._left -= 1
        self.busy -= 1
        if self.dying:
            self.dying -= 1  # told half a minute before, it ended its image and left
        else:
            self.idle += 1

    def _booted(self, _: int) -> None:
        self.booting -= 1
        self._machine_is_ready()

    def _machine_is_ready(self) -> None:
        self.idle += 1
        self._at(self.now + self.rng.exponential(self.group.life_s), "vanished")

    def _vanished(self, _: int) -> None:
        if self.idle + self.busy == 0:
            return  # it was given up before
        self._give_up(1)
        self._ask(1)

    def _shortage(self, _: int) -> None:
        lost = int(self.group.shortage * (self.idle + self.busy))
        self._give_up(lost)
        self._ask(lost)

    def _look(self, _: int) -> None:
        wanted = math.ceil(len(self.queue) / self.group.images_each)
        wanted = min(max(wanted, self.group.least), self.group.most)
        if wanted >= self._machines:
            self._ask(wanted - self._machines)
            self.wanted_since = self.now
        elif self.now - self.wanted_since >= self.group.calm_s:
            self._give_up(min(self.idle + self.busy - self.dying, self._machines - wanted))
            self.wanted_since = self.now
        self._at(self.now + self.group.look_s, "look")

    def _ask(self, machines: int) -> None:
        for _ in range(machines):
            self.booting += 1
            self._at(self.now + self.group.boot_s, "booted")

    def _give_up(self, machines: int) -> None:
        resting = min(machines, self.idle)
        self.idle -= resting
        self.dying += min(machines - resting, self.busy - self.dying)


def fewest(arrivals: NDArray[np.float64], service_s: float, seed: int) -> tuple[int, Night]:
    """Return the smallest group of a fixed size that keeps to `LIMIT_S`, and its night."""
    low, high = 0, max(1, math.ceil(len(arrivals) * service_s / 600))
    best = night(arrivals, service_s, Group(high, high), seed)
    while high - low > 1:
        middle = (low + high) // 2
        tried = night(arrivals, service_s, Group(middle, middle), seed)
        if tried.longest_s() <= LIMIT_S:
            high, best = middle, tried
        else:
            low = middle
    return high, best


def night(arrivals: NDArray[np.float64], service_s: float, group: Group, seed: int) -> Night:
    """Return a night of one group."""
    return Simulation(group, service_s, np.random.default_rng(seed)).run(arrivals)


def main() -> None:
    """Simulate and print."""
    options = _options()
    fleet = Fleet(options.units, offline=options.offline)
    arrivals = fleet.arrivals(np.random.default_rng(options.seed))
    table.heading(
        f"{options.units} units, {len(arrivals)} images, {options.service_s} s each,"
        f" {fleet.offline:.0%} of the units send at dawn"
    )
    n_machines, fixed = fewest(arrivals, options.service_s, options.seed)
    table.line(f"a fixed group of {n_machines}: all but 1 in 10,000 within", fixed.longest_s())
    table.line("machine-hours of that group", fixed.machine_s / HOUR_S, "h")
    most = deployments()["gce-plate-solver"].max_instances
    grown = night(arrivals, options.service_s, Group(1, most, options.images_each), options.seed)
    table.line(f"a group that grows, 1 to {most}: all but 1 in 10,000 within", grown.longest_s())
    table.line("half of its images within", float(np.median(grown.delays_s)))
    table.line("machine-hours of that group", grown.machine_s / HOUR_S, "h")
    table.line("machines at most", grown.most_machines, "")
    table.line("images that waited at a time, at most", grown.longest_queue, "")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--service-s", type=float, default=1.4, help="of one image, on one machine")
    parser.add_argument("--offline", type=float, default=0.1, help="share that sends at dawn")
    parser.add_argument("--images-each", type=int, default=40, help="waiting images a machine")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
