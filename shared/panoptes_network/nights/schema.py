"""The types of a night report, from which its OpenAPI schema is made.

The report is made with aware datetimes, and read as JSON with texts: `T` is one or the other.
"""

from datetime import datetime
from typing import Annotated, Generic, Literal, NotRequired, TypeVar

from pydantic import Field

# pydantic takes those of `typing` from Python 3.12 on.
from typing_extensions import TypedDict

T = TypeVar("T", datetime, str)

Severity = Literal["problem", "warning", "note"]
Verdict = Literal["empty", "problems", "waiting", "good"]


class Period(TypedDict, Generic[T]):
    """From noon to noon, and whether that is ``local_noon`` or ``utc_noon``."""

    start: T
    end: T
    bounds: str
    longitude_deg: float | None


class Course(TypedDict):
    """A quantity over a night: medians of all images, of the first third and of the last."""

    median: float
    first: float
    last: float
    n: int
    is_worse: bool
    trend: NotRequired[str]
    action: NotRequired[str]


Quality = dict[str, Course | None]


class Spread(TypedDict):
    """Median and maximum of `n` values."""

    median: float
    max: float
    n: int


class Gap(TypedDict, Generic[T]):
    """A pause between the starts of two exposures, with the number of frames that fit in."""

    start: T
    end: T
    n_missing: int


class Totals(TypedDict, Generic[T]):
    """Counts of images, by state, and their exposure; `solved_share` is from 0 to 1."""

    n_images: int
    states: dict[str, int]
    first_image: T | None
    last_image: T | None
    exposure_s: float | None
    solved_share: float | None


class Files(TypedDict):
    """Counts of uploaded FITS and CR2 files, and of FITS files made from CR2."""

    n_fits: int
    n_cr2: int
    n_fits_made: int


class CameraNight(Totals[T], Files, Generic[T]):
    """One camera's night."""

    camera_id: str
    quality: Quality


class FilePlace(TypedDict):
    """An object of a bucket, ``raw`` or ``processed``, and the path of its download."""

    path: str
    name: str
    bucket: str
    url: str


class StoredFile(FilePlace):
    """An object of a bucket, ``raw`` or ``processed``, and the path of its download.

    `n_bytes` is its size, where it is recorded.
    """

    n_bytes: NotRequired[Annotated[int, Field(ge=0)] | None]


class Film(StoredFile):
    """The file of a film, and the number of its frames."""

    n_frames: int | None


class SequenceNight(Totals[T], Files, Generic[T]):
    """One sequence's part of the night."""

    sequence_id: str
    camera_id: str
    field: str | None
    exptime_s: float | None
    n_pictures: int
    cadence_s: float | None
    gaps: list[Gap[T]]
    quality: Quality
    drift_arcmin: float | None
    offset_arcmin: float | None
    has_film: bool
    film_reason: str | None
    film: Film | None


class ReasonCase(TypedDict):
    """A reason in plain words, what to do, and the words of its last case."""

    reason_code: str | None
    meaning: str
    action: str
    example: str | None


class Failure(ReasonCase):
    """Images that ended for one reason, with examples by name."""

    state: str
    count: int
    image_ids: list[str]


class RefusedFile(TypedDict, Generic[T]):
    """A file that never became an image."""

    bucket_path: str
    time: T
    reason: str | None


class RefusedFiles(ReasonCase, Generic[T]):
    """Files refused for one reason, with examples by name."""

    state: str
    count: int
    files: list[RefusedFile[T]]


class Waiting(TypedDict):
    """Unfinished work, by what it waits for."""

    count: int
    oldest_s: float | None
    n_given_up: int
    n_without_file: int
    n_cr2_only: int
    image_ids: list[str]


class Contradiction(TypedDict):
    """A header card that differs from what the network believes, with an example."""

    card: str
    count: int
    image_id: str
    believed: object
    header: object


class HeaderFinding(TypedDict):
    """A header card that cannot be used, with an example."""

    card: str
    problem: str
    count: int
    image_id: str
    header: str


class ClockOffset(TypedDict):
    """A camera whose clock is wrong by the median `offset_s`."""

    camera_id: str
    count: int
    offset_s: float


class WideStars(TypedDict):
    """A camera with images whose stars are wider than a stamp."""

    camera_id: str
    count: int
    fwhm_px: float


class Delays(TypedDict):
    """From exposure to arrival, from arrival to the end, and the processing itself."""

    arrival_s: Spread | None
    done_s: Spread | None
    processing_s: Spread | None


class Products(TypedDict):
    """Counts of pictures and films, and of what they could be made from."""

    n_pictures: int
    n_images: int
    n_films: int
    n_sequences: int


class Finding(TypedDict):
    """A problem that deserves the owner's attention."""

    severity: Severity
    what: str
    action: str


class Neighbours(TypedDict):
    """Dates of the previous and next nights that have images."""

    previous_night: str | None
    next_night: str | None


class NightFigures(Totals[T], Neighbours, Generic[T]):
    """A night report before it is judged."""

    unit_id: str
    date: str
    night: Period[T]
    cameras: list[CameraNight[T]]
    sequences: list[SequenceNight[T]]
    failures: list[Failure]
    refused: list[RefusedFiles[T]]
    waiting: Waiting
    contradictions: list[Contradiction]
    header_findings: list[HeaderFinding]
    sites: list[Contradiction]
    clocks: list[ClockOffset]
    wide_stars: list[WideStars]
    delays: Delays
    products: Products


class NightReport(NightFigures[T], Generic[T]):
    """A night report."""

    verdict: Verdict
    findings: list[Finding]
