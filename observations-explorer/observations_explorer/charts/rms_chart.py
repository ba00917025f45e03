"""The scatter of a sequence's stars against magnitude, and the photon limit."""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from observations_explorer.charts import chart
from observations_explorer.charts.axes import Scale
from observations_explorer.charts.chart import Chart, Line, Mark
from observations_explorer.formatting import figure, star_name
from panoptes_network.responses.light_curves import CurveStar

CELL_X, CELL_Y = 0.4, 3.0
"""Size of a cell, percent and pixels: only one mark per cell is drawn."""
MAX_MARKS = 3000
LIMIT_BIN_MAG = 0.25
PERCENT = 100.0
ROOM_MAG = 0.1


class Measured(NamedTuple):
    """A star with a known magnitude and scatter."""

    star: CurveStar
    mag: float
    scatter: float


def rms_chart(stars: list[CurveStar], address_of: Callable[[CurveStar], str]) -> Chart | None:
    """Return the chart; None if no star has a magnitude and a scatter.

    Parameters
    ----------
    stars : list of dict
        Rows of `star_light_curves`.
    address_of : callable
        Returns the URL for a star's mark.
    """
    known = [
        Measured(star, mag, scatter)
        for star in stars
        if (mag := star["gaia_mag"]) is not None and (scatter := star["scatter"])
    ]
    if not known:
        return None
    mags = [one.mag for one in known]
    x, y = chart.across(min(mags) - ROOM_MAG, max(mags) + ROOM_MAG), _down(known)
    marks = _thinned([_mark(one, x, y, address_of) for one in known])
    limit = photon_limit([one.star for one in known])
    return Chart(
        summary=_summary(known),
        across_title="Gaia G magnitude",
        down_title="Scatter of one frame, %",
        across=x.ticks(8),
        down=y.ticks(factor=PERCENT),
        marks=marks[:MAX_MARKS],
        lines=[Line("limit", [(x(mag), y.within(noise)) for mag, noise in limit])] if limit else [],
    )


def photon_limit(stars: list[CurveStar]) -> list[tuple[float, float]]:
    """Return magnitudes and the median expected noise of the stars around each."""
    bins: dict[int, list[tuple[float, float]]] = {}
    for star in stars:
        mag, noise = star["gaia_mag"], star["expected_noise"]
        if mag is not None and noise:
            bins.setdefault(int(mag // LIMIT_BIN_MAG), []).append((mag, noise))
    return [
        (median(mag for mag, _ in some), median(noise for _, noise in some))
        for _, some in sorted(bins.items())
    ]


def _down(known: list[Measured]) -> Scale:
    """Return the axis of the scatter, which excludes half a percent of the stars at each end."""
    values = sorted(one.scatter for one in known)
    spare = len(values) // 200
    noises = [noise for one in known if (noise := one.star["expected_noise"])]
    low = min([values[spare], *noises])
    return chart.down(low / 1.25, max(values[-1 - spare], 2 * low) * 1.25, is_log=True)


def _mark(one: Measured, x: Scale, y: Scale, address_of: Callable[[CurveStar], str]) -> Mark:
    star, mag, scatter = one
    name = star_name(star["picid"], star["catalog"])
    words = f"{name}: G {figure(mag, 2)}, {figure(PERCENT * scatter, 2)} %"
    if star["expected_noise"]:
        words += f", {figure(scatter / star['expected_noise'], 2)} of the limit"
    return Mark(x(mag), y.within(scatter), words, address_of(star))


def _thinned(marks: list[Mark]) -> list[Mark]:
    """Return the marks, without overlapping ones."""
    cells = {(int(mark.x / CELL_X), int(mark.y / CELL_Y)): mark for mark in marks}
    return list(cells.values())


def _summary(known: list[Measured]) -> str:
    ratios = [one.scatter / noise for one in known if (noise := one.star["expected_noise"])]
    said = f"Scatter against Gaia G magnitude of {len(known)} stars"
    return f"{said}; the median is {median(ratios):.2f} of the photon limit" if ratios else said
