"""Findings of a night that deserve its owner's attention, with advice."""

from collections.abc import Iterator
from datetime import datetime

from panoptes_network.figures import BY_NAME, TRENDS
from panoptes_network.nights import advice
from panoptes_network.nights.schema import (
    Course,
    Finding,
    NightFigures,
    Quality,
    SequenceNight,
    Severity,
    Verdict,
)
from panoptes_network.states import ImageState

DRIFT_ARCMIN = 10.0
"""Movement of a field of 15 by 10 degrees, about 60 pixels, that is worth reporting."""
PATIENCE_S = 3600
"""Time that an image may wait before it is reported as a problem."""
Report = NightFigures[datetime]

AS_IT_SHOULD_BE = frozenset({ImageState.SKIPPED})
ENDS: dict[str, str] = {
    ImageState.ERROR: "failed",
    ImageState.UNSOLVED: "unsolved",
    ImageState.SKIPPED: "skipped",
}


def verdict(report: Report) -> Verdict:
    """Return the verdict on a night: empty, problems, waiting or good."""
    if not report["n_images"] and not report["refused"] and not report["waiting"]["n_cr2_only"]:
        return "empty"
    severities = {finding["severity"] for finding in findings(report)}
    if "problem" in severities:
        return "problems"
    waits = report["waiting"]
    return "waiting" if waits["count"] or waits["n_cr2_only"] else "good"


def findings(report: Report) -> list[Finding]:
    """Return the findings, worst first: `severity` (problem, warning, note), `what`, `action`.

    The findings of an empty night are things to check.
    """
    found = [
        *_failures(report),
        *_waiting(report),
        *_gaps(report),
        *_trends(report),
        *_drifts(report),
        *_clocks(report),
        *_wide_stars(report),
        *_contradictions(report),
        *_sites(report),
        *_header_findings(report),
    ]
    order = ("problem", "warning", "note")
    found.sort(key=lambda finding: order.index(finding["severity"]))
    return found or list(_empty(report))


def _finding(severity: Severity, what: str, action: str) -> Finding:
    return {"severity": severity, "what": what[0].upper() + what[1:], "action": action}


def _failures(report: Report) -> Iterator[Finding]:
    severity: Severity
    for group in report["failures"]:
        severity = "note" if group["state"] in AS_IT_SHOULD_BE else "problem"
        end = ENDS.get(group["state"], group["state"])
        what = f"{count(group['count'], 'image')} {end}: {group['meaning']}"
        yield _finding(severity, what, group["action"])
    for files in report["refused"]:
        is_kept = files["state"] in AS_IT_SHOULD_BE
        end = "only kept" if is_kept else "refused"
        what = f"{count(files['count'], 'file')} {end}: {files['meaning']}"
        yield _finding("note" if is_kept else "problem", what, files["action"])


def _waiting(report: Report) -> Iterator[Finding]:
    waits = report["waiting"]
    if waits["count"]:
        oldest_s = waits["oldest_s"] or 0.0
        what = f"{count(waits['count'], 'image')} still waiting or being processed, the oldest for"
        what += f" {duration(oldest_s)}."
        yield _finding("problem" if oldest_s > PATIENCE_S else "note", what, advice.WAITING.action)
    if waits["n_given_up"]:
        what = f"{count(waits['n_given_up'], 'image')} stuck: {advice.GIVEN_UP.meaning}."
        yield _finding("problem", what, advice.GIVEN_UP.action)
    if waits["n_cr2_only"]:
        what = f"{count(waits['n_cr2_only'], 'CR2 file')} not converted to FITS yet."
        yield _finding("note", what, advice.WAITING.action)
    if waits["n_without_file"]:
        what = (
            f"{count(waits['n_without_file'], 'image')} without a file: {advice.NO_FILE.meaning}."
        )
        yield _finding("warning", what, advice.NO_FILE.action)


def _gaps(report: Report) -> Iterator[Finding]:
    gaps = [gap for sequence in report["sequences"] for gap in sequence["gaps"]]
    if gaps:
        missing = sum(gap["n_missing"] for gap in gaps)
        longest = max(gaps, key=lambda gap: gap["end"] - gap["start"])
        what = f"{count(missing, 'frame')} missing in {count(len(gaps), 'gap')}, the longest from"
        what += f" {longest['start']:%H:%M} to {longest['end']:%H:%M} UTC."
        yield _finding("warning", what, advice.GAPS.action)


def _trends(report: Report) -> Iterator[Finding]:
    """Report trends for the worse, over a camera's night or else within one of its sequences."""
    said = set()
    for camera in report["cameras"]:
        for name, course in _worse(camera["quality"]):
            said.add((camera["camera_id"], name))
            yield _trend(f"Camera {camera['camera_id']}", name, course)
    for sequence in report["sequences"]:
        for name, course in _worse(sequence["quality"]):
            if (sequence["camera_id"], name) not in said:
                yield _trend(_place(sequence), name, course)


def _place(sequence: SequenceNight[datetime]) -> str:
    return f"{sequence['field'] or sequence['sequence_id']}, camera {sequence['camera_id']}"


def _worse(quality: Quality) -> list[tuple[str, Course]]:
    return [(name, course) for name, course in quality.items() if course and course["is_worse"]]


def _trend(where: str, name: str, course: Course) -> Finding:
    trend, unit = TRENDS[name], BY_NAME[name].plain_unit
    first, last = (f"{value:.{trend.digits}f}" for value in (course["first"], course["last"]))
    what = f"{where}: {course['trend']} ({trend.title} from {first} to {last} {unit})."
    return _finding("warning", what, course["action"])


def _drifts(report: Report) -> Iterator[Finding]:
    for sequence in report["sequences"]:
        if (sequence["drift_arcmin"] or 0) > DRIFT_ARCMIN:
            what = f"{_place(sequence)}: {advice.DRIFT.meaning} by"
            what += f" {sequence['drift_arcmin']:.0f} arcmin within the sequence."
            yield _finding("warning", what, advice.DRIFT.action)


def _clocks(report: Report) -> Iterator[Finding]:
    for clock in report["clocks"]:
        side = "ahead" if clock["offset_s"] > 0 else "behind"
        what = f"Camera {clock['camera_id']}: {advice.CLOCK.meaning},"
        what += f" {duration(abs(clock['offset_s']))} {side}, on {count(clock['count'], 'image')}."
        yield _finding("warning", what, advice.CLOCK.action)


def _wide_stars(report: Report) -> Iterator[Finding]:
    for case in report["wide_stars"]:
        what = f"Camera {case['camera_id']}: the stars of {count(case['count'], 'image')}"
        what += f" {advice.WIDE_STARS.meaning} (median FWHM {case['fwhm_px']:.1f} px)."
        yield _finding("warning", what, advice.WIDE_STARS.action)


def _contradictions(report: Report) -> Iterator[Finding]:
    for case in report["contradictions"]:
        what = f"{count(case['count'], 'image')}: {advice.CONTRADICTION.meaning} in {case['card']}:"
        what += f" the path says {case['believed']}, the header {case['header']}."
        yield _finding("warning", what, advice.CONTRADICTION.action)


def _sites(report: Report) -> Iterator[Finding]:
    for case in report["sites"]:
        what = f"{count(case['count'], 'image')}: {advice.SITE.meaning}: {case['card']} says"
        what += f" {case['header']}, the network has {case['believed']}."
        yield _finding("warning", what, advice.SITE.action)


def _header_findings(report: Report) -> Iterator[Finding]:
    for case in report["header_findings"]:
        what = f"{count(case['count'], 'image')}: {advice.HEADER_FINDING.meaning}:"
        what += f" {case['card']} says {case['header']!r}, which {case['problem']}."
        yield _finding("warning", what, advice.HEADER_FINDING.action)


def _empty(report: Report) -> Iterator[Finding]:
    if not report["n_images"]:
        for question in advice.EMPTY_NIGHT:
            asked, _, rest = question.partition("? ")
            yield _finding("note", f"{asked}?", rest)


def count(number: int, thing: str) -> str:
    """Return ``1 image`` or ``2 images``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Format a time span for people: ``40 s``, ``5 min``, ``3 h 20 min``, ``2 days``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{round(minutes / 1440)} days"
