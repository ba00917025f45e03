"""The night report as plain text, from the JSON of observations-data."""

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

from panoptes_network.figures import BY_NAME, TRENDS
from panoptes_network.nights.findings import count, duration
from panoptes_network.nights.schema import CameraNight, Course, NightReport, SequenceNight
from panoptes_network.states import ImageState

Report = NightReport[str]
Counted = NightReport[str] | CameraNight[str] | SequenceNight[str]

WIDTH = 88
VERDICTS = {
    "good": "all well",
    "waiting": "in progress",
    "problems": "with problems",
    "empty": "no images",
}
STATES: dict[str, str] = {
    ImageState.METADATA_RECEIVED: "received",
    ImageState.SOURCES_DETECTED: "detected",
    ImageState.SOURCES_EXTRACTED: "complete",
}
"""Plain words for states whose names need them."""
MARKS = {"problem": "!!", "warning": " !", "note": " -"}


def text(report: Report) -> str:
    """Return a night report for a terminal or an email."""
    return "\n".join([*_heading(report), *_findings(report), *_body(report)]) + "\n"


def _heading(report: Report) -> Iterator[str]:
    night = report["night"]
    is_local = night["bounds"] == "local_noon"
    noons = "local solar noon to noon" if is_local else "noon to noon UTC"
    yield f"{report['unit_id']}, night of {report['date']}: {VERDICTS[report['verdict']]}"
    start, end = (_clock(time, "%Y-%m-%d %H:%M") for time in (night["start"], night["end"]))
    yield f"{start} to {end} UTC, from {noons}"
    if report["n_images"]:
        first, last = _clock(report["first_image"]), _clock(report["last_image"])
        yield ""
        images = f"{count(report['n_images'], 'image')} from {first} to {last} UTC"
        yield f"{images}{_on_sky(report)}{_solved(report)}"
        yield _states(report)


def _on_sky(report: Report) -> str:
    exposure_s = report["exposure_s"]
    return "" if exposure_s is None else f", {duration(exposure_s)} on sky"


def _findings(report: Report) -> Iterator[str]:
    yield ""
    if report["verdict"] == "empty":
        yield "No images of this night have arrived. Things to check:"
    elif not report["findings"]:
        yield "All files were processed as expected, without gaps or trends."
    for finding in report["findings"]:
        yield from _wrapped(finding["what"], f"{MARKS[finding['severity']]} ", "   ")
        yield from _wrapped(finding["action"], "   ", "   ")
    if report["verdict"] == "empty":
        nearest = [day for day in (report["previous_night"], report["next_night"]) if day]
        if nearest:
            yield f"Nearest nights with images: {', '.join(nearest)}"


def _body(report: Report) -> Iterator[str]:
    for camera in report["cameras"]:
        yield ""
        yield f"Camera {camera['camera_id']}: {_files(camera)}{_solved(camera)}"
        figures = [_figure(name, course) for name, course in camera["quality"].items() if course]
        if figures:
            yield from _wrapped(f"median {', '.join(figures)}", "   ", "   ")
    for sequence in report["sequences"]:
        yield ""
        yield from _sequence(sequence)
    for group in report["refused"]:
        yield ""
        end = "Kept" if group["state"] == ImageState.SKIPPED else "Refused"
        yield f"{end} ({group['reason_code']}):"
        yield from (f"   {file['bucket_path']}" for file in group["files"])
    if report["n_images"]:
        yield ""
        yield from _delays(report)


def _sequence(sequence: SequenceNight[str]) -> Iterator[str]:
    first, last = _clock(sequence["first_image"]), _clock(sequence["last_image"])
    yield f"{sequence['field'] or 'No field name'} ({sequence['sequence_id']})"
    yield f"   {count(sequence['n_images'], 'image')} from {first} to {last}: {_states(sequence)}"
    for gap in sequence["gaps"]:
        missing = count(gap["n_missing"], "frame")
        yield f"   gap from {_clock(gap['start'])} to {_clock(gap['end'])}: {missing} missing"
    if sequence["drift_arcmin"] is not None:
        yield f"   drift {sequence['drift_arcmin']:.1f} arcmin"
    if sequence["film"]:
        yield f"   film of {count(sequence['film']['n_frames'] or 0, 'frame')}"
    elif sequence["film_reason"]:
        yield f"   no film: {sequence['film_reason']}"


def _delays(report: Report) -> Iterator[str]:
    delays = report["delays"]
    for words, spread in (
        ("exposure's end to arrival", delays["arrival_s"]),
        ("arrival to the end", delays["done_s"]),
    ):
        if spread:
            median, most = duration(spread["median"]), duration(spread["max"])
            yield f"From {words}: {median}, at most {most}"
    products = report["products"]
    pictures = f"{products['n_pictures']} of {products['n_images']} images"
    films = f"{products['n_films']} of {products['n_sequences']} sequences"
    yield f"Pictures: {pictures}; films: {films}"


def _files(camera: CameraNight[str]) -> str:
    kinds = (
        (camera["n_fits"], "FITS"),
        (camera["n_cr2"], "CR2"),
        (camera["n_fits_made"], "FITS made from CR2"),
    )
    found = [f"{number} {words}" for number, words in kinds if number]
    return ", ".join(found) or "no files"


def _solved(counted: Counted) -> str:
    share = counted["solved_share"]
    return "" if share is None else f", {100 * share:.0f} % solved"


def _states(counted: Counted) -> str:
    return ", ".join(f"{n} {STATES.get(state, state)}" for state, n in counted["states"].items())


def _figure(name: str, course: Course) -> str:
    trend = TRENDS[name]
    return f"{trend.title} {course['median']:.{trend.digits}f} {BY_NAME[name].plain_unit}"


def _clock(time: str | None, pattern: str = "%H:%M") -> str:
    if time is None:
        return "unknown"
    return datetime.fromisoformat(time).astimezone(UTC).strftime(pattern)


def _wrapped(words: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
