"""A star's aperture light curve: a plot per Bayer colour, over time or folded by a period."""

from dataclasses import dataclass
from enum import StrEnum

from observations_explorer.charts.folding import CYCLES, Folding
from observations_explorer.charts.scatter_plot import Plot, Quantity, Sample, plot
from observations_explorer.formatting import utc
from panoptes_network.json_object import Json

COLOURS = {"r": "Red", "g": "Green", "b": "Blue"}
"""Suffixes of the columns of each colour."""


class Light(StrEnum):
    """The measurement of a frame that is drawn."""

    RELATIVE = "relative"
    FLUX = "flux"


UNITS = {Light.RELATIVE: ("relative flux", 4, 0.01), Light.FLUX: ("ADU", 0, 0.05)}
"""Unit of a value, its digits, and the minimum length of its axis relative to the mean."""


@dataclass(frozen=True, slots=True)
class ColourPlot:
    """The plot of one colour."""

    colour: str
    plot: Plot


def plots(items: list[Json], light: Light, folding: Folding | None) -> list[ColourPlot]:
    """Return a plot for each colour in any frame; frames without a time are skipped."""
    timed = [item for item in items if item["mjd"] is not None]
    if not timed:
        return []
    found = []
    for colour, name in COLOURS.items():
        column = f"{light}_{colour}"
        known = [item for item in timed if item[column] is not None]
        if known:
            unit, digits, least_span = UNITS[light]
            quantity = Quantity(name, unit, digits, least_span)
            found.append(ColourPlot(colour, _plot(quantity, known, light, colour, folding)))
    return found


def _plot(
    quantity: Quantity, items: list[Json], light: Light, colour: str, folding: Folding | None
) -> Plot:
    times = [float(item["mjd"]) for item in items]
    if folding is None:
        samples = [
            _sample(item, at, utc(item["time"]) + " UTC", light, colour)
            for item, at in zip(items, times, strict=True)
        ]
        ends = f"MJD {min(times):.5f}", f"{max(times):.5f} UTC"
        return plot(quantity, samples, ends, (min(times), max(times)))
    phases = folding.phases(times)
    samples = [
        _sample(item, phase + cycle, f"phase {phase:.4f}", light, colour)
        for cycle in range(CYCLES)
        for item, phase in zip(items, phases, strict=True)
    ]
    return plot(quantity, samples, ("phase 0", f"phase {CYCLES}"), (0, CYCLES))


def _sample(item: Json, at: float, label: str, light: Light, colour: str) -> Sample:
    return Sample(
        at=at,
        value=float(item[f"{light}_{colour}"]),
        label=label,
        image_id=item["image_id"],
        error=item[f"{light}_err_{colour}"],
    )
