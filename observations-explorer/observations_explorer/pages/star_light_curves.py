"""Light curves on the star's page, from the files of sequences."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from urllib.parse import quote

from werkzeug.exceptions import BadGateway, NotFound

from observations_explorer.charts import light_curve_chart
from observations_explorer.charts.chart import Chart
from observations_explorer.charts.folding import Folding
from observations_explorer.charts.transit_box import Box
from observations_explorer.data_service import fetch
from observations_explorer.formatting import utc_of
from observations_explorer.light_curve import Measurement, Method, View, measurements
from observations_explorer.pages import unmeasurable
from observations_explorer.pages.candidate_checks import Check, checks
from observations_explorer.pages.light_curve_status import why
from panoptes_network.light_curves.schema import QUALITY_MEANINGS
from panoptes_network.responses.candidates import Candidate
from panoptes_network.responses.light_curves import CurveSummary, DetrendedCurve
from panoptes_network.responses.stars import Star


@dataclass(frozen=True, slots=True)
class Flagged:
    """Flagged measurements: their number, how many are excluded, and how many have each flag."""

    number: int
    hollow: int
    counts: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Curves:
    """A star's light curve by night, and its candidate with its checks and mid-transit time.

    `chart` is None if there is nothing to draw; `trouble` then says what is wrong with the star, or
    else `pending` what is missing.
    """

    found: DetrendedCurve | None
    chart: Chart | None
    nights: list[CurveSummary]
    pending: str | None
    trouble: str | None
    flagged: Flagged | None
    candidate: Candidate | None
    checks: list[Check]
    mid_utc: str | None

    @property
    def drawn(self) -> DetrendedCurve | None:
        """The light curve that is shown, or not drawn for its trouble; None without one."""
        return self.found if self.chart or self.trouble else None


def curves(star: Star, asked: Mapping[str, str], view: View, folding: Folding | None) -> Curves:
    """Return the content of a star's light curve.

    Parameters
    ----------
    star : dict
    asked : mapping
        ``catalog`` and ``sequence_id`` as parameters of observations-data.
    view : View
        Detrended or raw.
    """
    found, fault = _fetched(star["picid"], asked)
    items = found["items"] if found else []
    trouble = unmeasurable.of_curve(items)
    measured = [] if trouble else measurements(items, view)
    candidate = _best(star["candidates"], asked["sequence_id"])
    box = Box.of(candidate) if candidate else None
    return Curves(
        found=found,
        chart=_chart(measured, view, box, folding) if measured else None,
        nights=found["sequences"] if found else [],
        pending=None if measured or trouble else fault or why(star, asked["sequence_id"]),
        trouble=trouble,
        flagged=_flagged(measured),
        candidate=candidate,
        checks=checks(candidate["vetting"]) if candidate else [],
        mid_utc=_mid_utc(measured, box),
    )


def small_chart(picid: str, asked: Mapping[str, str]) -> Chart | None:
    """Return a small detrended chart, around the transit if its period is known.

    It is None if there is nothing to draw.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        As `fetch`.
    """
    star = fetch(Star, f"/sources/{quote(picid)}", catalog=asked["catalog"])
    found, _ = _fetched(picid, asked)
    items = found["items"] if found else []
    measured = [one for one in measurements(items, View()) if one.is_good]
    candidate = _best(star["candidates"], asked["sequence_id"])
    box = Box.of(candidate) if candidate else None
    folding = None
    if box and box.period_d:
        folding = Folding(box.period_d, box.mid_bjd - light_curve_chart.MJD_EPOCH)
    return _chart(measured, View(), box, folding) if measured else None


def _fetched(picid: str, asked: Mapping[str, str]) -> tuple[DetrendedCurve | None, str | None]:
    """Return the light curve, or the reason why its file cannot be read."""
    path = f"/sources/{quote(picid)}/lightcurve"
    try:
        return fetch(DetrendedCurve, path, method="detrended", **asked), None
    except (NotFound, BadGateway):
        return None, "The file with its light curve cannot be read."


def _best(candidates: list[Candidate], sequence_id: str) -> Candidate | None:
    """Return the most significant candidate in one sequence, or over all nights."""
    fitting = [
        one for one in candidates if not sequence_id or one["sequence_id"] in (None, sequence_id)
    ]
    return max(fitting, key=lambda one: one["significance"], default=None)


def _chart(
    measured: list[Measurement], view: View, box: Box | None, folding: Folding | None
) -> Chart:
    if folding:
        return light_curve_chart.folded(measured, view, box, folding)
    return light_curve_chart.over_time(
        measured, view, box if view.method is Method.DETRENDED else None
    )


def _mid_utc(measured: list[Measurement], box: Box | None) -> str | None:
    """Return a mid-transit time in UTC, if a measurement is close to it."""
    if box is None:
        return None
    apart_d, nearest = min(
        ((abs(one.bjd_tdb - box.mid_bjd), one) for one in measured),
        key=lambda pair: pair[0],
        default=(inf, None),
    )
    if nearest is None or apart_d > box.duration_d / 2:
        return None
    shift_s = (box.mid_bjd - nearest.bjd_tdb) * light_curve_chart.DAY_S
    return utc_of(nearest.time_s + shift_s, "%Y-%m-%d %H:%M")


def _flagged(measured: list[Measurement]) -> Flagged | None:
    """Return the flagged measurements; None without any."""
    flagged = [one for one in measured if one.quality]
    counts = Counter(
        words for one in flagged for bit, words in QUALITY_MEANINGS.items() if one.quality & bit
    )
    if not flagged:
        return None
    hollow = sum(not one.is_good for one in flagged)
    return Flagged(len(flagged), hollow, counts.most_common())
