"""Draw a star's transit as it was served before, beside the detrended curve of the same frames.

``python docs/images/draw_transit.py raw.csv detrended.csv --mid 2458402.81 --hours 2.5
--depth 0.01 --title "…"`` writes ``transit.png`` beside this file. The tables are what
observations-data answers at ``/sources/{picid}/lightcurve?format=csv`` with ``method=raw`` and with
``method=detrended``; middle (BJD in TDB), duration and relative depth are those of the transit that
was put in, or of the candidate. Of simulated frames, the title has to say so.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from panoptes_network.light_curves.schema import BAD, COLOURS

TARGET = Path(__file__).parent / "transit.png"
MAD_TO_SIGMA = 1.4826
"""Ratio for normal values."""
BIN_H = 0.25
INK, FAINT, TONE, LINE = "#1a2036", "#596180", "#2f46b0", "#c2410c"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A light curve: hours from the middle of the transit, relative flux, which frames are good."""

    name: str
    hours: Floats
    flux: Floats
    is_good: NDArray[np.bool_]


def main() -> None:
    """Draw the tables that the command line names."""
    parser = argparse.ArgumentParser(description="Draw a transit before and after.")
    parser.add_argument("raw", type=Path)
    parser.add_argument("detrended", type=Path)
    parser.add_argument("--mid", type=float, required=True, help="mid-transit time, BJD in TDB")
    parser.add_argument("--hours", type=float, required=True, help="duration")
    parser.add_argument("--depth", type=float, required=True, help="relative depth")
    parser.add_argument("--title", default="", help="title above the picture")
    given = parser.parse_args()
    before, after = pd.read_csv(given.raw), pd.read_csv(given.detrended)
    draw(
        [served(before, after, given.mid), detrended(after, given.mid)],
        given.hours,
        given.depth,
        given.title,
    )


def served(raw: pd.DataFrame, times: pd.DataFrame, mid_bjd: float) -> Curve:
    """Return the three colours in apertures, combined by their own scatter.

    Parameters
    ----------
    raw, times : DataFrame
        The table of apertures, which has no barycentric times, and the one that has them.
    """
    joined = raw.merge(times[["image_id", "bjd_tdb"]], on="image_id")
    fluxes = joined[[f"relative_{colour}" for colour in COLOURS]].to_numpy(np.float64)
    weights = 1 / np.array([scatter(flux) for flux in fluxes.T]) ** 2
    flux = fluxes @ weights / weights.sum()
    return Curve("Served before", _hours(joined, mid_bjd), flux, np.isfinite(flux))


def detrended(table: pd.DataFrame, mid_bjd: float) -> Curve:
    """Return the detrended curve of all colours."""
    flux = table["flux"].to_numpy(np.float64)
    is_good = np.isfinite(flux) & (table["quality"].to_numpy(int) & int(BAD) == 0)
    return Curve("Detrended", _hours(table, mid_bjd), flux, is_good)


def scatter(flux: Floats) -> float:
    """Return the scatter by the median absolute deviation, in standard deviations."""
    known = flux[np.isfinite(flux)]
    return float(MAD_TO_SIGMA * np.median(np.abs(known - np.median(known))))


def draw(curves: list[Curve], hours: float, depth: float, title: str) -> None:
    """Write the picture: the curves side by side on one scale, with the transit over them."""
    plt.switch_backend("agg")
    figure, panels = plt.subplots(
        1, len(curves), sharey=True, figsize=(12.8, 4.6), dpi=100, layout="constrained"
    )
    curves = [_beside_transit(curve, hours) for curve in curves]
    for panel, curve in zip(panels, curves, strict=True):
        _draw_curve(panel, curve, hours, depth)
    panels[0].set_ylabel("Relative flux", color=FAINT)
    values = np.concatenate([curve.flux[curve.is_good] for curve in curves])
    reach = max(4 * scatter(values), 2 * depth)
    panels[0].set_ylim(1 - reach, 1 + reach)
    if title:
        figure.suptitle(title, color=INK, fontsize=13, x=0.01, horizontalalignment="left")
    figure.savefig(TARGET)
    plt.close(figure)


def _beside_transit(curve: Curve, hours: float) -> Curve:
    """Return a curve whose median beside the transit is 1, which may take half of the night."""
    beside = curve.is_good & (np.abs(curve.hours) > hours / 2)
    return replace(curve, flux=curve.flux / np.median(curve.flux[beside]))


def _draw_curve(panel: Axes, curve: Curve, hours: float, depth: float) -> None:
    at, flux = curve.hours[curve.is_good], curve.flux[curve.is_good]
    panel.plot(at, flux, ".", color=TONE, alpha=0.45, markersize=5)
    panel.plot(*_means(at, flux), "o", color=INK, markersize=6, markeredgecolor="white")
    edges = np.array([at.min(), -hours / 2, -hours / 2, hours / 2, hours / 2, at.max()])
    panel.plot(edges, 1 - depth * np.array([0, 0, 1, 1, 0, 0]), color=LINE, linewidth=2)
    residual = flux + depth * (np.abs(at) < hours / 2)
    words = f"{curve.name}: scatter of a frame {100 * scatter(residual):.2f} %"
    panel.set_title(words, color=INK, fontsize=12, loc="left")
    panel.set_xlabel("Hours from the middle of the transit", color=FAINT)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(colors=FAINT)


def _means(at: Floats, flux: Floats) -> tuple[Floats, Floats]:
    """Return places and means of the quarters of an hour that hold more than one frame."""
    numbers = np.floor(at / BIN_H)
    bins = [numbers == number for number in np.unique(numbers)]
    full = [chosen for chosen in bins if chosen.sum() > 1]
    return (
        np.array([at[chosen].mean() for chosen in full]),
        np.array([flux[chosen].mean() for chosen in full]),
    )


def _hours(table: pd.DataFrame, mid_bjd: float) -> Floats:
    hours: Floats = 24 * (table["bjd_tdb"].to_numpy(np.float64) - mid_bjd)
    return hours


if __name__ == "__main__":
    main()
