"""The large chart of a star's light curve: over the nights, or folded by a period."""

from flask import url_for

from observations_explorer.charts import chart
from observations_explorer.charts.axes import HOUR_S, NightAxis, Scale, Tick
from observations_explorer.charts.chart import Chart, Line, Mark
from observations_explorer.charts.folding import CYCLES, Folding
from observations_explorer.charts.transit_box import Box
from observations_explorer.formatting import figure, utc_of
from observations_explorer.light_curve import (
    ALL,
    Mean,
    Measurement,
    Method,
    View,
    cadence_s,
    means,
    quality_words,
)

BIN_S = 900.0
FRAMES_A_BIN = 5
PHASE_BIN = 0.01
MIN_FOR_MEANS = 30
"""Number of good measurements from which means are drawn."""
MIN_SPAN = 0.01
"""Minimum length of the vertical axis, relative to the median, so that noise looks small."""
SAME_PERIOD = 1e-6
"""Maximum relative difference between a folding period and a transit's period to count as equal."""
TRANSITS_SHOWN = 4.0
"""Range shown around a transit, in transit durations."""
BINS_IN_HALF = 4
DAY_S = 86_400.0
HOURS_A_DAY = 24.0
MJD_EPOCH = 2_400_000.5
COLOUR_WORDS = {ALL: "all colours", "r": "red", "g": "green", "b": "blue"}


def over_time(measured: list[Measurement], view: View, box: Box | None) -> Chart:
    """Return the chart over the nights, with hours in UTC.

    Parameters
    ----------
    measured : list of Measurement
        At least one, in order of time.
    box : Box or None
        A transit to draw over a detrended curve.
    """
    axis = NightAxis.of(one.time_s for one in measured)
    x, y = chart.across(0.0, axis.length), _down(measured, view, box)
    places = [axis(one.time_s) for one in measured]
    width_s = max(BIN_S, FRAMES_A_BIN * cadence_s(measured))
    is_one = len(axis.nights) == 1
    return Chart(
        summary=_summary(measured, view, box),
        across_title=_time_title(measured[0], is_one=is_one),
        down_title=_title(view),
        across=[Tick(x(tick.at), tick.words) for tick in axis.ticks],
        down=y.ticks(6, _factor(view)),
        marks=_marks(places, measured, view, x, y),
        means=_means(means(places, measured, width_s), measured, view, x, y),
        lines=_boxes(axis, measured, x, y, box) if _has_box(view, box) else [],
        edges=[x(night.left) - chart.LEFT / 2 for night in axis.nights[1:]],
        series=cameras(measured),
    )


def folded(measured: list[Measurement], view: View, box: Box | None, folding: Folding) -> Chart:
    """Return the chart over two cycles of a period; without one, as `over_time`.

    When folded by its transit period, a star is shown only around the transit.
    """
    if box and box.period_d and abs(folding.period_d / box.period_d - 1) < SAME_PERIOD:
        return _around(measured, view, box, box.period_d)
    phases = folding.phases([one.bjd_tdb - MJD_EPOCH for one in measured])
    twice = measured * CYCLES
    places = [phase + cycle for cycle in range(CYCLES) for phase in phases]
    x, y = chart.across(0.0, CYCLES), _down(measured, view, box)
    return Chart(
        summary=_summary(measured, view, None) + f", folded by {folding.period_d:g} days",
        across_title="Phase",
        down_title=_title(view),
        across=x.ticks(8),
        down=y.ticks(6, _factor(view)),
        marks=_marks(places, twice, view, x, y),
        means=_means(means(places, twice, PHASE_BIN), twice, view, x, y),
        series=cameras(twice),
    )


def _around(measured: list[Measurement], view: View, box: Box, period_d: float) -> Chart:
    """Return the chart over the hours from the nearest mid-transit."""
    reach_d = min(TRANSITS_SHOWN * box.duration_d, period_d) / 2
    hours_of = [
        HOURS_A_DAY * ((one.bjd_tdb - box.mid_bjd + period_d / 2) % period_d - period_d / 2)
        for one in measured
    ]
    near = [
        (hours, one)
        for hours, one in zip(hours_of, measured, strict=True)
        if abs(hours) <= reach_d * HOURS_A_DAY
    ]
    reach_h = reach_d * HOURS_A_DAY
    places, shown = [hours for hours, _ in near], [one for _, one in near]
    x, y = chart.across(-reach_h, reach_h), _down(shown or measured, view, box)
    half_h = box.duration_d * HOURS_A_DAY / 2
    low = 1.0 - box.depth
    corners = [(-reach_h, 1.0), (-half_h, 1.0), (-half_h, low), (half_h, low), (half_h, 1.0)]
    line = Line("transit", [(x(hours), y(flux)) for hours, flux in [*corners, (reach_h, 1.0)]])
    return Chart(
        summary=_summary(measured, view, box) + f", folded by {period_d:g} days",
        across_title="Hours from the middle of the transit",
        down_title=_title(view),
        across=x.ticks(8),
        down=y.ticks(6, _factor(view)),
        marks=_marks(places, shown, view, x, y),
        means=_means(means(places, shown, half_h / BINS_IN_HALF), shown, view, x, y),
        lines=[line] if _has_box(view, box) else [],
        series=cameras(shown),
    )


def words_of(one: Measurement, view: View) -> str:
    """Return the tooltip of a measurement."""
    at = f"{utc_of(one.time_s)} UTC, BJD {one.bjd_tdb:.5f}"
    camera = [f"camera {one.camera}"] if one.camera else []
    value = _value(one.flux, one.error, view)
    return "; ".join([f"{value} at {at}", *quality_words(one.quality), *camera])


def cameras(measured: list[Measurement]) -> list[str]:
    """Return the cameras of some measurements, in alphabetical order; empty for a single one."""
    found = sorted({one.camera for one in measured})
    return found if len(found) > 1 else []


def _value(flux: float, error: float | None, view: View) -> str:
    """Return a flux and its error in the unit of the chart."""
    factor, digits = _factor(view), 0 if view.method is Method.RAW else 2
    value = figure(factor * flux, digits)
    if error is not None:
        value += f" ± {figure(factor * error, digits)}"
    return f"{value} {'ADU' if view.method is Method.RAW else '%'}"


def _factor(view: View) -> float:
    """Return the factor from a flux to its number in the chart: relative ones are in percent."""
    return 1.0 if view.method is Method.RAW else 100.0


def _title(view: View) -> str:
    usual = "Brightness, % of the star\N{RIGHT SINGLE QUOTATION MARK}s usual"
    light = "Flux, ADU" if view.method is Method.RAW else usual
    return f"{light}, {COLOUR_WORDS[view.colour]}"


def _time_title(first: Measurement, *, is_one: bool) -> str:
    if is_one:
        return f"Clock time (UTC), starting on {utc_of(first.time_s, '%-d %B %Y')}"
    return "Nights, by date (UTC) of their first frame"


def _has_box(view: View, box: Box | None) -> bool:
    return box is not None and view.method is Method.DETRENDED


def _down(measured: list[Measurement], view: View, box: Box | None) -> Scale:
    """Return the vertical axis: one bad frame or large error must not flatten the others."""
    values = sorted(one.flux for one in measured if one.is_good) or sorted(
        one.flux for one in measured
    )
    errors = sorted(one.error or 0.0 for one in measured)
    spare = len(values) // 200
    low, high = values[spare], values[-1 - spare]
    if box is not None and _has_box(view, box):
        low = min(low, 1.0 - box.depth)
    room = errors[len(errors) // 2]
    least = MIN_SPAN * abs(values[len(values) // 2])
    reach = max((high - low) / 2 + room, least / 2) or 0.5
    return chart.down((low + high) / 2 - reach, (low + high) / 2 + reach)


def _marks(
    places: list[float], measured: list[Measurement], view: View, x: Scale, y: Scale
) -> list[Mark]:
    series = {camera: number for number, camera in enumerate(cameras(measured))}
    return [
        Mark(
            x=x(at),
            y=y.within(one.flux),
            words=words_of(one, view),
            address=url_for("pages.image", image_id=one.image_id),
            top=y.within(one.flux + (one.error or 0.0)),
            bottom=y.within(one.flux - (one.error or 0.0)),
            is_hollow=not one.is_good,
            series=series.get(one.camera, 0),
        )
        for at, one in zip(places, measured, strict=True)
    ]


def _means(
    found: list[Mean], measured: list[Measurement], view: View, x: Scale, y: Scale
) -> list[Mark]:
    """Return the means as marks; empty for few measurements, and for raw ones."""
    if view.method is Method.RAW or sum(one.is_good for one in measured) < MIN_FOR_MEANS:
        return []
    return [
        Mark(
            x=x(mean.at),
            y=y.within(mean.value),
            words=f"mean of {mean.number}: {_value(mean.value, mean.error, view)}",
            top=y.within(mean.value + mean.error),
            bottom=y.within(mean.value - mean.error),
        )
        for mean in found
    ]


def _boxes(
    axis: NightAxis, measured: list[Measurement], x: Scale, y: Scale, box: Box | None
) -> list[Line]:
    """Return the transits of each night; within a night, barycentric time runs like UTC."""
    if box is None:
        return []
    lines = []
    for night in axis.nights:
        some = [one for one in measured if night.first_s <= one.time_s <= night.last_s]
        ahead_d = some[len(some) // 2].bjd_tdb - some[len(some) // 2].time_s / DAY_S
        ends = (time_s / DAY_S + ahead_d for time_s in (night.first_s, night.last_s))
        corners = [
            (x(axis(min(max((bjd - ahead_d) * DAY_S, night.first_s), night.last_s))), y(flux))
            for bjd, flux in box.corners(*ends)
        ]
        lines.append(Line("transit", corners))
    return lines


def _summary(measured: list[Measurement], view: View, box: Box | None) -> str:
    """Return the text alternative of the chart."""
    fluxes = [one.flux for one in measured]
    low, high = (_value(flux, None, view) for flux in (min(fluxes), max(fluxes)))
    said = (
        f"{_title(view)}: {len(measured)} frames from {utc_of(measured[0].time_s)} to"
        f" {utc_of(measured[-1].time_s)} UTC, from {low} to {high}"
    )
    if names := cameras(measured):
        said += f", by cameras {' and '.join(names)}"
    if box is not None and _has_box(view, box):
        hours = box.duration_d * DAY_S / HOUR_S
        said += f"; the line is a transit {figure(100 * box.depth, 2)} % deep, {hours:.1f} h long"
    return said
