"""The report of a unit's night: arrivals, states, missing files, advice.

It takes dataclasses and returns a plain dict; observations-data runs the queries. Times in the dict
are aware datetimes. `findings` describe the problems that deserve an owner's attention.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from panoptes_network.figures import TRENDS
from panoptes_network.frames.bayer import STAMP_SIDE
from panoptes_network.nights import advice, statistics
from panoptes_network.nights.findings import findings, verdict
from panoptes_network.nights.night import Night
from panoptes_network.nights.schema import (
    CameraNight,
    ClockOffset,
    Contradiction,
    Course,
    Delays,
    Failure,
    Files,
    Film,
    HeaderFinding,
    Neighbours,
    NightFigures,
    NightReport,
    Period,
    Products,
    Quality,
    ReasonCase,
    RefusedFiles,
    SequenceNight,
    Totals,
    Waiting,
    WideStars,
)
from panoptes_network.states import END_STATES, FAILED_STATES, SOLVED_STATES, FileKind, ImageState

MAX_EXAMPLES = 20
"""Files or images named per reason; the count includes all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightImage:
    """The columns of an image that the report uses; names as in the database.

    `figures` has those of `figures.TRENDS` by name, `file_kinds` the kinds of its product files,
    `ended_at` is the end of its last attempt, `date_obs` the camera's clock in the header.
    """

    image_id: str
    sequence_id: str
    camera_id: str
    time: datetime
    state: str
    received_at: datetime
    updated_at: datetime
    reason_code: str | None = None
    reason: str | None = None
    bucket_path: str | None = None
    generation: int = 1
    from_cr2: bool = False
    contradictions: dict[str, object] = field(default_factory=dict)
    header_findings: dict[str, dict[str, str]] = field(default_factory=dict)
    date_obs: str | None = None
    latitude: object = None
    longitude: object = None
    exptime_s: float | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    figures: Mapping[str, float | None] = field(default_factory=dict)
    processing_s: float | None = None
    ended_at: datetime | None = None
    file_kinds: frozenset[str] = frozenset()
    is_given_up: bool = False

    @property
    def has_cr2(self) -> bool:
        """Whether the unit's CR2 exists."""
        named_so = (self.bucket_path or "").lower().endswith(".cr2")
        return FileKind.CR2 in self.file_kinds or named_so

    @property
    def has_fits(self) -> bool:
        """Whether there is a FITS file to process."""
        named_cr2 = (self.bucket_path or "").lower().endswith(".cr2")
        return self.bucket_path is not None and self.generation > 0 and not named_cr2


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSequence:
    """The columns of a sequence that the report uses; names as in the database."""

    sequence_id: str
    camera_id: str
    field: str | None = None
    exptime_s: float | None = None
    mount_ra_deg: float | None = None
    mount_dec_deg: float | None = None
    film: Film | None = None
    film_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that never became an image, and the reason; `time` is its path's, else its arrival.

    `state` is `error`, or `skipped` for a file that is only stored.
    """

    bucket_path: str
    time: datetime
    service: str
    reason_code: str | None
    reason: str | None
    state: str = ImageState.ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class NightFacts:
    """All known facts about a unit's night."""

    unit_id: str
    night: Night
    now: datetime
    site: tuple[float | None, float | None] = (None, None)
    """Latitude and longitude of the unit."""
    images: list[NightImage] = field(default_factory=list)
    sequences: list[NightSequence] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    unseen_cr2: list[str] = field(default_factory=list)
    """Ids of images with a CR2 whose FITS file has not been made yet."""
    previous_image: datetime | None = None
    next_image: datetime | None = None


def report(facts: NightFacts) -> NightReport[datetime]:
    """Return the report of a night."""
    images = sorted(facts.images, key=lambda image: (image.time, image.image_id))
    made: NightFigures[datetime] = {
        "unit_id": facts.unit_id,
        "date": facts.night.date.isoformat(),
        "night": _night(facts.night),
        **_totals(images),
        "cameras": _cameras(images),
        "sequences": _sequences(facts.sequences, images),
        "failures": _failures(images),
        "refused": _refused(facts.refusals),
        "waiting": _waiting(images, facts),
        "contradictions": _contradictions(images),
        "header_findings": _header_findings(images),
        "sites": statistics.sites(
            [(image.image_id, image.latitude, image.longitude) for image in images], facts.site
        ),
        "clocks": _clocks(images),
        "wide_stars": _wide_stars(images),
        "delays": _delays(images),
        "products": _products(images, facts.sequences),
        **_neighbours(facts),
    }
    return {**made, "verdict": verdict(made), "findings": findings(made)}


def _night(night: Night) -> Period[datetime]:
    return {
        "start": night.start,
        "end": night.end,
        "bounds": night.bounds,
        "longitude_deg": night.longitude_deg,
    }


def _totals(images: list[NightImage]) -> Totals[datetime]:
    tried = Counter(image.state in SOLVED_STATES for image in images if _was_tried(image))
    return {
        "n_images": len(images),
        "states": _states(images),
        "first_image": images[0].time if images else None,
        "last_image": images[-1].time if images else None,
        "exposure_s": _exposure_s(images),
        "solved_share": tried[True] / tried.total() if tried else None,
    }


def _exposure_s(images: list[NightImage]) -> float | None:
    """Return the sum of the known exposures; None if there are images but no known exposure."""
    known = [image.exptime_s for image in images if image.exptime_s is not None]
    return sum(known) if known or not images else None


def _was_tried(image: NightImage) -> bool:
    return image.state in SOLVED_STATES.union(FAILED_STATES)


def _states(images: Iterable[NightImage]) -> dict[str, int]:
    found = Counter(image.state for image in images)
    return {state.value: found[state] for state in ImageState if found[state]}


def _files(images: list[NightImage]) -> Files:
    """Count the files uploaded by the unit and the FITS files made by the network."""
    return {
        "n_fits": sum(image.has_fits and not image.from_cr2 for image in images),
        "n_cr2": sum(image.has_cr2 for image in images),
        "n_fits_made": sum(image.has_fits and image.from_cr2 for image in images),
    }


def _grouped(
    images: Iterable[NightImage], key: Callable[[NightImage], str]
) -> dict[str, list[NightImage]]:
    groups = defaultdict(list)
    for image in images:
        groups[key(image)].append(image)
    return groups


def _cameras(images: list[NightImage]) -> list[CameraNight[datetime]]:
    groups = _grouped(images, lambda image: image.camera_id)
    return [
        {
            "camera_id": camera_id,
            **_totals(own),
            **_files(own),
            "quality": _quality(own),
        }
        for camera_id, own in sorted(groups.items())
    ]


def _quality(images: list[NightImage]) -> Quality:
    return {name: _course(name, images) for name in TRENDS}


def _course(name: str, images: list[NightImage]) -> Course | None:
    series = [(image.time, image.figures.get(name)) for image in images]
    found = statistics.course(name, [(time, v) for time, v in series if v is not None])
    if found is not None and found["is_worse"]:
        found["trend"], found["action"] = TRENDS[name].meaning, TRENDS[name].action
    return found


def _sequences(
    sequences: list[NightSequence], images: list[NightImage]
) -> list[SequenceNight[datetime]]:
    groups = _grouped(images, lambda image: image.sequence_id)
    made = [_sequence(sequence, groups[sequence.sequence_id]) for sequence in sequences]
    return sorted(made, key=lambda one: (one["first_image"] is None, one["first_image"] or 0))


def _sequence(sequence: NightSequence, images: list[NightImage]) -> SequenceNight[datetime]:
    times = [image.time for image in images]
    places = (statistics.direction(image.ra_deg, image.dec_deg) for image in images)
    centres = [place for place in places if place is not None]
    target = statistics.direction(sequence.mount_ra_deg, sequence.mount_dec_deg)
    return {
        "sequence_id": sequence.sequence_id,
        "camera_id": sequence.camera_id,
        "field": sequence.field,
        "exptime_s": sequence.exptime_s,
        **_totals(images),
        **_files(images),
        "n_pictures": sum(FileKind.PICTURE in image.file_kinds for image in images),
        "cadence_s": statistics.cadence_s(times),
        "gaps": statistics.gaps(times),
        "quality": _quality(images),
        "drift_arcmin": statistics.drift_arcmin(centres),
        "offset_arcmin": statistics.offset_arcmin(centres, target),
        "has_film": sequence.film is not None,
        "film_reason": sequence.film_reason,
        "film": sequence.film,
    }


def _failures(images: list[NightImage]) -> list[Failure]:
    failed = [image for image in images if image.state in END_STATES and _is_failed(image)]
    groups = _grouped(failed, lambda image: f"{image.state} {image.reason_code or ''}")
    made: list[Failure] = [
        {
            **_reason(own[0].reason_code, own[-1].reason),
            "state": own[0].state,
            "count": len(own),
            "image_ids": [image.image_id for image in own[:MAX_EXAMPLES]],
        }
        for own in groups.values()
    ]
    return sorted(made, key=lambda group: -group["count"])


def _is_failed(image: NightImage) -> bool:
    return image.state != ImageState.SOURCES_EXTRACTED


def _reason(code: str | None, words: str | None) -> ReasonCase:
    meaning, action = advice.of_reason(code)
    return {"reason_code": code, "meaning": meaning, "action": action, "example": words}


def _refused(refusals: list[Refusal]) -> list[RefusedFiles[datetime]]:
    groups: dict[str | None, list[Refusal]] = defaultdict(list)
    for refusal in sorted(refusals, key=lambda one: (one.time, one.bucket_path)):
        groups[refusal.reason_code].append(refusal)
    made: list[RefusedFiles[datetime]] = [
        {
            **_reason(code, own[-1].reason),
            "state": own[-1].state,
            "count": len(own),
            "files": [
                {"bucket_path": one.bucket_path, "time": one.time, "reason": one.reason}
                for one in own[:MAX_EXAMPLES]
            ],
        }
        for code, own in groups.items()
    ]
    return sorted(made, key=lambda group: -group["count"])


def _waiting(images: list[NightImage], facts: NightFacts) -> Waiting:
    """Return unfinished work, grouped by what it waits for."""
    open_ = [image for image in images if image.state not in END_STATES]
    with_file = [image for image in open_ if image.bucket_path is not None]
    oldest = min((image.updated_at for image in with_file), default=None)
    return {
        "count": len(with_file),
        "oldest_s": None if oldest is None else max(0.0, (facts.now - oldest).total_seconds()),
        "n_given_up": sum(image.is_given_up for image in with_file),
        "n_without_file": len(open_) - len(with_file),
        "n_cr2_only": len(facts.unseen_cr2),
        "image_ids": [*(image.image_id for image in open_), *facts.unseen_cr2][:MAX_EXAMPLES],
    }


def _contradictions(images: list[NightImage]) -> list[Contradiction]:
    """Return contradictions between headers and paths by card, most frequent first."""
    found: dict[str, list[tuple[str, object]]] = defaultdict(list)
    for image in images:
        for card, words in image.contradictions.items():
            found[card].append((image.image_id, words))
    made = [_contradiction(card, len(cases), *cases[0]) for card, cases in found.items()]
    return sorted(made, key=lambda case: (-case["count"], case["card"]))


def _header_findings(images: list[NightImage]) -> list[HeaderFinding]:
    """Return unusable header values by card and problem, most frequent first."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for image in images:
        for card, finding in image.header_findings.items():
            found[card, finding["problem"]].append((image.image_id, finding["header"]))
    made: list[HeaderFinding] = [
        {
            "card": card,
            "problem": problem,
            "count": len(cases),
            "image_id": cases[0][0],
            "header": cases[0][1],
        }
        for (card, problem), cases in found.items()
    ]
    return sorted(made, key=lambda case: (-case["count"], case["card"]))


def _contradiction(card: str, count: int, image_id: str, case: object) -> Contradiction:
    words = case if isinstance(case, dict) else {}
    return {
        "card": card,
        "count": count,
        "image_id": image_id,
        "believed": words.get("believed"),
        "header": words.get("header"),
    }


def _clocks(images: list[NightImage]) -> list[ClockOffset]:
    offsets = defaultdict(list)
    for image in images:
        offset = statistics.clock_offset_s(image.time, image.date_obs)
        if offset is not None:
            offsets[image.camera_id].append(offset)
    return [
        {"camera_id": camera_id, "count": len(own), "offset_s": median(own)}
        for camera_id, own in sorted(offsets.items())
    ]


def _wide_stars(images: list[NightImage]) -> list[WideStars]:
    """Return the cameras with images whose stars are wider than a stamp."""
    widths = defaultdict(list)
    for image in images:
        fwhm_px = image.figures.get("fwhm_px")
        if fwhm_px is not None and fwhm_px > STAMP_SIDE:
            widths[image.camera_id].append(fwhm_px)
    return [
        {"camera_id": camera_id, "count": len(own), "fwhm_px": median(own)}
        for camera_id, own in sorted(widths.items())
    ]


def _delays(images: list[NightImage]) -> Delays:
    """Return the delays from exposure to arrival and from arrival to the end, and the work time."""
    arrived = [image.received_at - _end(image) for image in images]
    done = [image.ended_at - image.received_at for image in images if image.ended_at]
    return {
        "arrival_s": statistics.spread(max(0.0, one.total_seconds()) for one in arrived),
        "done_s": statistics.spread(max(0.0, one.total_seconds()) for one in done),
        "processing_s": statistics.spread(image.processing_s for image in images),
    }


def _end(image: NightImage) -> datetime:
    # An exposure of more than a day is an invalid card.
    return image.time + timedelta(seconds=min(max(image.exptime_s or 0, 0), 86_400))


def _products(images: list[NightImage], sequences: list[NightSequence]) -> Products:
    return {
        "n_pictures": sum(FileKind.PICTURE in image.file_kinds for image in images),
        "n_images": len(images),
        "n_films": sum(sequence.film is not None for sequence in sequences),
        "n_sequences": len(sequences),
    }


def _neighbours(facts: NightFacts) -> Neighbours:
    """Return the dates of the previous and next nights that have images."""
    longitude_deg = facts.night.longitude_deg
    return {
        "previous_night": _date_of(facts.previous_image, longitude_deg),
        "next_night": _date_of(facts.next_image, longitude_deg),
    }


def _date_of(moment: datetime | None, longitude_deg: float | None) -> str | None:
    return None if moment is None else Night.holding(moment, longitude_deg).date.isoformat()
