"""A full frame from the bucket to its stamps: ours, the floor, and the older way.

A database and a storage server of its own, a simulated sequence with its true stars as the
catalog, and for each frame one after the other: the plate solver (ours), the C programs alone
(the floor), and the way of before (the peer).
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import table
from astropy.io import fits
from servers import database, object_storage, open_folder
from services import own_process
from solver_floor import Commands, floor_commands, run_floor
from solver_ours import SolvedFrame, solve_frame
from solver_peer import (
    CONNECTION_EACH,
    MEASURED,
    ONE_CONNECTION,
    SOLVE_FIELD,
    SOURCE_EXTRACTOR,
    run_programs,
    run_stamps,
)
from stopwatch import Seconds

from panoptes_network.catalog.formats import open_stars
from panoptes_network.catalog.load import Limits, load
from simulator import Frame, Observation, simulate
from simulator.catalog_csv import write_catalog_csv

STAMP_STAGES = ("stamps", "database")
INSERTS = "Cutout2D, INSERT and COMMIT for each matched source, through SQLAlchemy and pg8000"


@dataclass(frozen=True, slots=True)
class Round:
    """What one frame took in each way, by part; for the peer's stamps there are two."""

    ours: SolvedFrame
    floor_commands: Commands
    floor: dict[str, Seconds]
    peer: dict[str, Seconds]
    peer_stamps: dict[str, Seconds]

    @property
    def peer_seconds(self) -> Seconds:
        """Of the peer's whole way, with the faster of its stamps."""
        return _sum(self.peer) + self.peer_stamps[ONE_CONNECTION]

    @property
    def stamp_stage_s(self) -> float:
        """Seconds of our stages that the peer's stamps are compared with."""
        return sum(self.ours.stages[stage] for stage in STAMP_STAGES)


def main() -> None:
    """Measure and print."""
    options = _options()
    observation = Observation(
        field="Bench", ra_deg=options.ra, dec_deg=options.dec, count=options.frames + 1
    )
    with (
        own_process() as worker,
        open_folder() as folder,
        database(folder / "postgres"),
        object_storage(folder / "storage"),
    ):
        stars = _load_catalog(folder / "stars.csv", observation, options.faintest_mag)
        rounds = [_measure(frame, worker, folder) for frame in simulate(observation)]
    table.heading(
        f"one frame of 5208x3476 at {options.ra} {options.dec:+}, {stars:,} catalog stars around"
        f" it; median of {options.frames}, after one to warm up"
    )
    _print_table(rounds[1:])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--ra", type=float, default=192.0)
    parser.add_argument("--dec", type=float, default=27.0)
    parser.add_argument("--faintest-mag", type=float, default=13.5, help="of the catalog, Gaia G")
    return parser.parse_args()


def _load_catalog(path: Path, observation: Observation, faintest_mag: float) -> int:
    write_catalog_csv(path, observation, faintest_mag)
    return load(open_stars(path), Limits(), lambda _: None).stars


def _measure(frame: Frame, worker: Executor, parent: Path) -> Round:
    """Take a frame through all three ways in turn, so that what else runs slows them alike."""
    with TemporaryDirectory(dir=parent) as name:
        folder, peer_folder = Path(name), Path(name) / "peer"
        packed = folder / "image.fits.fz"
        frame.hdus().writeto(packed)
        commands = floor_commands(frame, packed, folder)
        ours = worker.submit(solve_frame, packed, frame.object_path.path).result()
        floor = run_floor(commands, folder)
        peer_folder.mkdir()
        fits.PrimaryHDU(frame.data, frame.header).writeto(peer_folder / "frame.fits")
        peer = run_programs(peer_folder)
        stamps = run_stamps(frame.data, ours.image_key)
    return Round(ours, commands, floor, peer, stamps)


def _print_table(rounds: Sequence[Round]) -> None:
    _print_ours([done.ours for done in rounds])
    table.heading("floor: the C programs alone, on ready-made files")
    _print_seconds("all", [_sum(done.floor) for done in rounds])
    _print_programs([done.floor for done in rounds], rounds[-1].floor_commands)
    table.heading("peer: the project's way before")
    _print_seconds("all, stamps over one connection", [done.peer_seconds for done in rounds])
    _print_programs(
        [done.peer for done in rounds],
        {"solve-field": SOLVE_FIELD, "source-extractor": SOURCE_EXTRACTOR},
    )
    for name, words in (
        (ONE_CONNECTION, INSERTS),
        (CONNECTION_EACH, f"the same; {MEASURED:,} measured, then scaled to all"),
    ):
        _print_seconds(name, [done.peer_stamps[name] for done in rounds], depth=2)
        table.command(words)
    _print_ratios(rounds)


def _print_ours(frames: Sequence[SolvedFrame]) -> None:
    sources, matched, rms = (
        median(frame.figures[name] for frame in frames)
        for name in ("n_sources", "n_matched", "rms_arcsec")
    )
    table.heading(f"ours: {sources:,.0f} sources, {matched:,.0f} matched, rms {rms:.2f} arcsec")
    _print_seconds("end to end", [frame.seconds for frame in frames])
    for stage in frames[0].stages:
        table.line(stage, median(frame.stages[stage] for frame in frames), depth=2)
    rest = median(frame.seconds.wall - sum(frame.stages.values()) for frame in frames)
    table.line("the rest: claim, changes of state, temporary files", rest, depth=2)
    table.line("peak memory of its process", max(frame.peak_mb for frame in frames), "MB")


def _print_programs(runs: Sequence[dict[str, Seconds]], commands: Commands) -> None:
    for name, command in commands.items():
        _print_seconds(name, [run[name] for run in runs], depth=2)
        table.command(" ".join(command))


def _print_seconds(label: str, seconds: Sequence[Seconds], depth: int = 1) -> None:
    cpu = median(each.cpu for each in seconds)
    table.line(label, median(each.wall for each in seconds), note=f"CPU {cpu:.2f} s", depth=depth)


def _print_ratios(rounds: Sequence[Round]) -> None:
    """Print medians of the rounds' own ratios: what slows the machine down slows both sides."""

    def ratio(label: str, aim: str, of_round: Callable[[Round], float]) -> None:
        table.ratio(label, median(map(of_round, rounds)), aim)

    table.heading("ratios")
    ratio("ours / floor", "<= 1.5", lambda r: r.ours.seconds.wall / _sum(r.floor).wall)
    ratio("  by CPU seconds", "", lambda r: r.ours.seconds.cpu / _sum(r.floor).cpu)
    ratio("peer / ours", ">= 10", lambda r: r.peer_seconds.wall / r.ours.seconds.wall)
    for name in (ONE_CONNECTION, CONNECTION_EACH):
        label = f"peer's {name} / our {' and '.join(STAMP_STAGES)}"
        ratio(label, ">= 200", partial(_stamp_ratio, name))


def _stamp_ratio(name: str, done: Round) -> float:
    return done.peer_stamps[name].wall / done.stamp_stage_s


def _sum(parts: dict[str, Seconds]) -> Seconds:
    return sum(parts.values(), Seconds(0, 0))
