"""How near the photon limit light curves come, and how many transits are found in them.

``python bench/bench_light_curves.py``: simulated nights of both presets go through the whole
network, frame by frame: upload, plate solution, light curves, search. What is then served is held
against the simulation's truth, and against the raw photometry of the same stars and frames.

The seed is drawn anew each time and printed: nobody can have tuned the network on it.
"""

import argparse
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import light_curve_peer
import numpy as np
import table
from astropy.table import Row
from blind_search import BlindSearch, search_file
from numpy.typing import NDArray
from served_light_curves import Curves, raw_curves, read_file, scatter
from servers import open_folder
from simulated_nights import SIZE, Nights, NightTruth, add_options, last_night, read_truth
from sqlalchemy import ColumnElement, func, select
from whole_network import running_network, say, upload_folder, wait_until

from panoptes_network import pubsub, storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_models import Candidate, LightCurveSet
from panoptes_network.database.models import Image
from panoptes_network.events import FilmRequest
from panoptes_network.states import END_STATES, ImageState

PRESETS = ("clean", "realistic")
AIMS = {"clean": ("1.2", "80"), "realistic": ("1.5", "60")}
"""Scatter over photon limit at G 9 to 11, and percent of the transits found, of each preset."""
MAGNITUDES = (8.5, 9.5, 10.0, 10.5, 11.0, 12.0, 13.0)
JUDGED_MAGS = (9.0, 11.0)
ZHANG_MMAG, ZHANG_MAGS = 4.6, (8.5, 9.5)
"""Zhang, Bakos and Penev 2015, arXiv 1506.03097: a Canon 60D, 180 s, colours combined."""
TRANSIT_MAGS = (9.0, 10.5)
FALSE_ALARMS = 0.01
CURVES_FILE = "light_curves.parquet"
COMPARED_STARS = 120
PEER_STAGES = {
    "magfit": "astrowisp, ensemble / photon limit",
    "epd": "the same with autowisp's EPD",
    "tfa": "the same with its TFA",
}
SOLVE_S, CURVES_S = 3600.0, 3600.0

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Served:
    """What the network made of the last night, and of all.

    Attributes
    ----------
    curves : Curves
        Of the last night, of the stars of the truth, in its order.
    raw : dict of int to ndarray
        Relative flux of the raw photometry in that night, of some stars.
    found, found_over_nights : dict of int to Candidate
        Transits with at most `FALSE_ALARMS`, by star: in the last night alone, in all nights.
    seconds : float
        That the worker took for the light curves of the last night.
    """

    curves: Curves
    raw: dict[int, Float64]
    found: dict[int, Candidate]
    found_over_nights: dict[int, Candidate]
    seconds: float


def main() -> None:
    """Measure and print."""
    options = _options()
    # A star without a good measurement has no median, and counts nowhere.
    for words in ("All-NaN slice", "Mean of empty slice", "divide by zero"):
        warnings.filterwarnings("ignore", words, RuntimeWarning)
    for preset in [options.night] if options.night else PRESETS:
        nights = Nights(preset, options.seed, options.frames, options.depth, options.nights)
        folder = options.folder / nights.name
        say(f"rendering {nights.nights} x {nights.frames} frames of a {preset} night")
        nights.render(folder)
        frames = last_night(folder, nights.frames)
        truth = read_truth(frames)
        served = _through_the_network(folder, truth)
        _print(nights, folder, truth, served)
        if options.peer:
            say("measuring the same frames by astrowisp and autowisp")
            _print_peer(frames, truth, served.curves)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--night", choices=PRESETS, help="one of them alone")
    add_options(parser)
    parser.add_argument(
        "--no-peer", dest="peer", action="store_false", help="without astrowisp and autowisp"
    )
    parser.add_argument("--depth", type=float, default=0.01, help="of the transits")
    parser.add_argument("--nights", type=int, default=1, help="of the same field")
    return parser.parse_args()


def _through_the_network(folder: Path, truth: NightTruth) -> Served:
    with open_folder() as home, running_network(home, with_catalog=False):
        loader = [sys.executable, "-m", "panoptes_network.catalog.cli", "tic"]
        subprocess.run([*loader, str(folder / "catalog.csv")], check=True, stdout=sys.stderr)
        paths = upload_folder(folder, "PAN*/**/*.fits.fz")
        say(f"{len(paths)} frames are uploaded")
        wait_until(lambda: _ended() == len(paths), "all frames solved", SOLVE_S)
        say(f"{len(paths)} frames have ended, {_solved()} of them solved")
        sequences = run_transaction(lambda session: list(session.scalars(_SEQUENCES)))
        for sequence_id in sequences:
            pubsub.publish(settings().film_topic, FilmRequest(sequence_id=sequence_id))
            wait_until(partial(_is_made, sequence_id), "light curves made", CURVES_S)
            say(f"light curves of {sequence_id} are made")
        return _served(sequences[-1], folder, truth)


_SEQUENCES = select(Image.sequence_id).distinct().order_by(Image.sequence_id)


def _ended() -> int:
    query = select(func.count()).where(Image.state.in_(END_STATES))
    return run_transaction(lambda session: session.scalar(query)) or 0


def _solved() -> int:
    query = select(func.count()).where(Image.state == ImageState.SOURCES_EXTRACTED)
    return run_transaction(lambda session: session.scalar(query)) or 0


def _is_made(sequence_id: str) -> bool:
    """Return whether the set is made; RuntimeError where there is a reason why not."""
    made = run_transaction(lambda session: session.get(LightCurveSet, sequence_id))
    if made is not None and made.reason:
        raise RuntimeError(made.reason)
    return made is not None and made.made_at is not None


def _served(sequence_id: str, folder: Path, truth: NightTruth) -> Served:
    made = run_transaction(lambda session: session.get_one(LightCurveSet, sequence_id))
    file = folder / CURVES_FILE
    stored = storage.find(settings().processed_bucket, str(made.parquet_path))
    storage.download(stored, file)
    judged = _between(truth, JUDGED_MAGS) & truth.is_constant & ~truth.is_saturated
    some = truth.star_id[judged][:: max(1, int(judged.sum()) // COMPARED_STARS)]
    say(f"asking for the raw photometry of {len(some)} stars")
    raw = raw_curves(settings().observations_data_url, sequence_id, some)
    return Served(
        curves=read_file(file).of(truth.star_id),
        raw=dict(zip(some.tolist(), raw, strict=True)),
        found=_transits(Candidate.sequence_id == sequence_id),
        found_over_nights=_transits(Candidate.sequence_id.is_(None)),
        seconds=made.processing_s or 0.0,
    )


def _transits(of_nights: ColumnElement[bool]) -> dict[int, Candidate]:
    query = select(Candidate).where(
        Candidate.kind == "transit", Candidate.false_alarm_probability <= FALSE_ALARMS, of_nights
    )
    found = run_transaction(lambda session: list(session.scalars(query)))
    return {candidate.picid: candidate for candidate in found}


def _between(truth: NightTruth, mags: tuple[float, float]) -> Mask:
    return np.asarray((truth.mag >= mags[0]) & (truth.mag < mags[1]))


def _print(nights: Nights, folder: Path, truth: NightTruth, served: Served) -> None:
    width, height = SIZE
    times = f"{nights.nights} nights, the last of " if nights.nights > 1 else ""
    table.heading(
        f"a simulated {nights.preset} night, seed {nights.seed}: {times}{nights.frames} frames of"
        f" {width}x{height} in Cygnus, transits of {100 * nights.depth:g} %"
    )
    table.command(" ".join(["python", *nights.command(Path("FOLDER"))[1:]]))
    _print_scatter(nights.preset, truth, served)
    _print_completeness(truth, served.curves)
    _print_transits(nights.preset, truth, served.found)
    _print_blind(nights.preset, truth, search_file(folder / CURVES_FILE))
    if nights.nights > 1:
        print(f"  all {nights.nights} nights together")
        _print_transits(nights.preset, truth, served.found_over_nights)
    table.line("light curves of the sequence, seconds a frame", served.seconds / nights.frames)


def _print_scatter(preset: str, truth: NightTruth, served: Served) -> None:
    """Print scatter, its ratio to the photon limit, and chi-square, by magnitude."""
    curves, limit = served.curves, served.curves.photon_limit
    spread = scatter(curves.flux)
    chi2 = np.nanmean(((curves.flux - 1) / curves.flux_err) ** 2, axis=1)
    usable = truth.is_constant & ~truth.is_saturated & np.isfinite(spread)
    print(f"  {'G':12}{'stars':>6}{'scatter %':>11}{'limit %':>9}{'ratio':>7}{'chi2':>7}")
    for mags in pairwise(MAGNITUDES):
        chosen = usable & _between(truth, mags)
        figures = (
            100 * np.median(spread[chosen]),
            100 * np.median(limit[chosen]),
            np.median(spread[chosen] / limit[chosen]),
            np.median(chi2[chosen]),
        )
        name = f"{mags[0]:g} to {mags[1]:g}"
        print("  {:12}{:6d}{:11.2f}{:9.2f}{:7.2f}{:7.2f}".format(name, chosen.sum(), *figures))
    judged = usable & _between(truth, JUDGED_MAGS)
    ours = float(np.median((spread / limit)[judged]))
    table.ratio("scatter / photon limit, G 9 to 11", ours, f"{AIMS[preset][0]} at most")
    index = np.searchsorted(truth.star_id, list(served.raw))
    raw = np.array([scatter(flux) if len(flux) else np.nan for flux in served.raw.values()])
    table.ratio("raw photometry / photon limit, the same", float(np.nanmedian(raw / limit[index])))
    bright = usable & _between(truth, ZHANG_MAGS)
    mmag = 1000 * 2.5 / np.log(10) * float(np.median(spread[bright]))
    table.line("scatter at G 8.5 to 9.5", mmag, "mmag", f"Zhang: {ZHANG_MMAG}")


def _print_peer(frames: Sequence[Path], truth: NightTruth, curves: Curves) -> None:
    """Print what the peer's light curves of the same stars scatter, over our photon limit."""
    found = light_curve_peer.peer_light_curves(light_curve_peer.simulated_frames(frames))
    judged = truth.is_constant & ~truth.is_saturated & _between(truth, JUDGED_MAGS)
    common, row, own = np.intersect1d(truth.star_id[judged], found.star, return_indices=True)[:3]
    limit = curves.photon_limit[judged][row]
    for stage, words in PEER_STAGES.items():
        ratio = scatter(found.combined[stage][own]) / limit
        table.ratio(f"{words}, {len(common)} stars", float(np.nanmedian(ratio)))
    table.command("python bench/light_curve_peer.py FOLDER")


def _print_completeness(truth: NightTruth, curves: Curves) -> None:
    """Print how many measurements there are, and how many are within 20 % of the truth."""
    chosen = ~truth.is_saturated & (truth.mag < MAGNITUDES[-1])
    is_there = np.isfinite(curves.raw_flux[chosen]).any(axis=2)
    table.line("unsaturated stars with a measurement, of all frames", 100 * is_there.mean(), "%")
    for colour, name in enumerate(("red", "green", "blue")):
        measured = curves.raw_flux[chosen][:, :, colour]
        right = np.abs(measured / truth.flux_adu[chosen][:, :, colour] - 1) < 0.2
        share = 100 * right[np.isfinite(measured)].mean()
        table.line(f"within 20 % of the true flux to G 13, {name}", share, "%", "aim: 93")


def _print_transits(preset: str, truth: NightTruth, found: dict[int, Candidate]) -> None:
    """Print how many transits are found at the right time, their depth, and false alarms."""
    there = truth.transits
    hits = [_hit(found.get(int(row["id"])), row) for row in there]
    share = 100 * np.mean([hit is not None for hit in hits])
    table.line(
        f"transits found, of {len(there)} in stars that stand alone",
        float(share),
        "%",
        f"aim: {AIMS[preset][1]}",
    )
    depths = [hit.depth / row["depth"] for hit, row in zip(hits, there, strict=True) if hit]
    table.ratio("depth of those found / true depth", float(np.median(depths or [np.nan])))
    constant = truth.star_id[
        truth.is_constant & ~truth.is_saturated & _between(truth, TRANSIT_MAGS)
    ]
    alarms = 100 * np.mean([star in found for star in constant.tolist()])
    table.line(
        f"false alarms among {len(constant)} constant stars, on every frame", float(alarms), "%"
    )


def _print_blind(preset: str, truth: NightTruth, search: BlindSearch) -> None:
    """Print how many transits surpass 99 of 100 constant stars like theirs, at the right time."""
    usable = truth.star_id[truth.is_constant & ~truth.is_saturated]
    is_constant = np.isin(search.star_id, usable)
    found = [_is_blind_hit(search, row, is_constant) for row in truth.transits]
    share = 100 * float(np.mean(found))
    words = "the same, above 99 of 100 constant stars of their brightness"
    table.line(words, share, "%", f"aim: {AIMS[preset][1]}")


def _is_blind_hit(search: BlindSearch, row: Row, is_constant: Mask) -> bool:
    for star in np.flatnonzero(search.star_id == row["id"]).tolist():
        is_at_time = _off_h(search.mid_bjd[star], row) < row["duration_h"] / 2
        level = 100 * (1 - FALSE_ALARMS)
        return bool(is_at_time) and search.is_above_chance(star, is_constant, level)
    return False


def _hit(found: Candidate | None, row: Row) -> Candidate | None:
    """Return the candidate where it is at the time of a transit."""
    if found is None or found.mid_bjd_tdb is None:
        return None
    return found if _off_h(found.mid_bjd_tdb, row) < row["duration_h"] / 2 else None


def _off_h(mid_bjd: float, row: Row) -> float:
    """Return the hours from a star's nearest transit."""
    off_d, period_d = mid_bjd - row["epoch_bjd"], row["period_d"]
    if np.isfinite(period_d):
        off_d -= period_d * round(off_d / period_d)
    return 24 * abs(float(off_d))


if __name__ == "__main__":
    main()
