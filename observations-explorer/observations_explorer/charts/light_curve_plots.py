"""A star's aperture light curve: a plot per Bayer colour, over time or folded by a period."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from observations_explorer.charts.folding import CYCLES, Folding
from observations_explorer.charts.scatter_plot import Plot, Quantity, Sample, plot
from observations_explorer.formatting import utc
from panoptes_network.responses.stars import RawFrame
from panoptes_network.responses.values import number

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


@dataclass(frozen=True, slots=True)
class Measured:
    """A frame with a time and a value, and the value's error."""

    frame: RawFrame
    mjd: float
    value: float
    error: float | None


def plots(items: list[RawFrame], light: Light, folding: Folding | None) -> list[ColourPlot]:
    """Return a plot for each colour in any frame; frames without a time are skipped."""
    found = []
    for colour, name in COLOURS.items():
        known = list(_measured(items, light, colour))
        if known:
            quantity = Quantity(name, *UNITS[light])
            found.append(ColourPlot(colour, _plot(quantity, known, folding)))
    return found


def _measured(items: list[RawFrame], light: Light, colour: str) -> Iterator[Measured]:
    for item in items:
        value = number(item, f"{light}_{colour}")
        if item["mjd"] is not None and value is not None:
            yield Measured(item, item["mjd"], value, number(item, f"{light}_err_{colour}"))


def _plot(quantity: Quantity, measured: list[Measured], folding: Folding | None) -> Plot:
    times = [one.mjd for one in measured]
    if folding is None:
        samples = [_sample(one, one.mjd, f"{utc(one.frame['time'])} UTC") for one in measured]
        ends = f"MJD {min(times):.5f}", f"{max(times):.5f} UTC"
        return plot(quantity, samples, ends, (min(times), max(times)))
    phases = folding.phases(times)
    samples = [
        _sample(one, phase + cycle, f"phase {phase:.4f}")
        for cycle in range(CYCLES)
        for one, phase in zip(measured, phases, strict=True)
    ]
    return plot(quantity, samples, ("phase 0", f"phase {CYCLES}"), (0, CYCLES))


def _sample(one: Measured, at: float, label: str) -> Sample:
    return Sample(
        at=at, value=one.value, label=label, image_id=one.frame["image_id"], error=one.error
    )
