"""The scatter of a sequence's stars against magnitude, and the photon limit."""

from collections.abc import Callable
from statistics import median

from observations_explorer.charts import chart
from observations_explorer.charts.axes import Scale
from observations_explorer.charts.chart import Chart, Line, Mark
from observations_explorer.formatting import figure, star_name
from panoptes_network.json_object import Json

CELL_X, CELL_Y = 0.4, 3.0
"""Size of a cell, percent and pixels: only one mark per cell is drawn."""
MAX_MARKS = 3000
LIMIT_BIN_MAG = 0.25
PERCENT = 100.0
ROOM_MAG = 0.1


def rms_chart(stars: list[Json], address_of: Callable[[Json], str]) -> Chart | None:
    """Return the chart; None if no star has a magnitude and a scatter.

    Parameters
    ----------
    stars : list of dict
        Rows of `star_light_curves`.
    address_of : callable
        Returns the URL for a star's mark.
    """
    known = [star for star in stars if star["gaia_mag"] is not None and star["scatter"]]
    if not known:
        return None
    mags = [star["gaia_mag"] for star in known]
    x, y = chart.across(min(mags) - ROOM_MAG, max(mags) + ROOM_MAG), _down(known)
    marks = _thinned([_mark(star, x, y, address_of) for star in known])
    limit = photon_limit(known)
    return Chart(
        summary=_summary(known),
        across_title="Gaia G magnitude",
        down_title="Scatter of one frame, %",
        across=x.ticks(8),
        down=y.ticks(factor=PERCENT),
        marks=marks[:MAX_MARKS],
        lines=[Line("limit", [(x(mag), y.within(noise)) for mag, noise in limit])] if limit else [],
    )


def photon_limit(stars: list[Json]) -> list[tuple[float, float]]:
    """Return magnitudes and the median expected noise of the stars around each."""
    bins: dict[int, list[Json]] = {}
    for star in stars:
        if star["expected_noise"]:
            bins.setdefault(int(star["gaia_mag"] // LIMIT_BIN_MAG), []).append(star)
    return [
        (median(s["gaia_mag"] for s in some), median(s["expected_noise"] for s in some))
        for _, some in sorted(bins.items())
    ]


def _down(stars: list[Json]) -> Scale:
    """Return the axis of the scatter, which excludes half a percent of the stars at each end."""
    values = sorted(star["scatter"] for star in stars)
    spare = len(values) // 200
    noises = [star["expected_noise"] for star in stars if star["expected_noise"]]
    low = min([values[spare], *noises])
    return chart.down(low / 1.25, max(values[-1 - spare], 2 * low) * 1.25, is_log=True)


def _mark(star: Json, x: Scale, y: Scale, address_of: Callable[[Json], str]) -> Mark:
    name = star_name(star["picid"], star["catalog"])
    words = f"{name}: G {figure(star['gaia_mag'], 2)}, {figure(PERCENT * star['scatter'], 2)} %"
    if star["expected_noise"]:
        words += f", {figure(star['scatter'] / star['expected_noise'], 2)} of the limit"
    return Mark(x(star["gaia_mag"]), y.within(star["scatter"]), words, address_of(star))


def _thinned(marks: list[Mark]) -> list[Mark]:
    """Return the marks, without overlapping ones."""
    cells = {(int(mark.x / CELL_X), int(mark.y / CELL_Y)): mark for mark in marks}
    return list(cells.values())


def _summary(stars: list[Json]) -> str:
    ratios = [s["scatter"] / s["expected_noise"] for s in stars if s["expected_noise"]]
    said = f"Scatter against Gaia G magnitude of {len(stars)} stars"
    return f"{said}; the median is {median(ratios):.2f} of the photon limit" if ratios else said
