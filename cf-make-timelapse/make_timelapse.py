"""Make the film of a sequence, and find sequences whose film is due."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, NotRequired, ParamSpec, TypedDict, TypeVar

import drawing
import film
from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database import films, models
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.films import MIN_FRAMES, FilmImage, Tried
from panoptes_network.database.superseded import sequence_path
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.events import FilmRequest
from panoptes_network.frames.frame import MAX_FRAME_BYTES
from panoptes_network.ids import (
    CameraTime,
    check_time,
    names_pointing,
    parse_upload_path,
)
from panoptes_network.pictures.render import Picture, film_look
from panoptes_network.processing import isolation
from panoptes_network.processing.workspace import work_folder
from panoptes_network.pubsub import publish
from panoptes_network.storage import StoredObject

P = ParamSpec("P")
T = TypeVar("T")

SERVICE = "cf-make-timelapse"
MAX_FRAMES = 480
"""Two nights of usual frames, 40 s of film; longer sequences are sampled evenly."""
SAMPLES = 7
"""Number of frames on which the stretch of a film is measured."""
FRAME_LIMIT_S = 60
FILE_NAME = "film.mp4"

_log = logging.getLogger(SERVICE)


@dataclass(frozen=True, slots=True)
class Plan:
    """The images of a film, and the existing film."""

    sequence_id: str
    field: str | None
    images: list[FilmImage]
    tried: Tried
    path: str
    is_made: bool
    before: StoredObject | None


class FilmMade(TypedDict):
    """A sequence's film, and whether it was made now; if so, its number of frames."""

    sequence_id: str
    path: str
    images: int
    made: bool
    frames: NotRequired[int]


class FilmsAnnounced(TypedDict):
    """The sequences whose film was requested."""

    announced: list[str]


def work(request: FilmRequest) -> FilmMade | FilmsAnnounced:
    """Make the requested film, or announce those that are due.

    Raises
    ------
    PermanentError
        OBJECT_MISSING for an unknown sequence, TOO_FEW_FRAMES, or a bad path.
    TransientError
        If database, storage or broker is unavailable.
    """
    if request.find_quiet:
        return {"announced": announce_quiet()}
    if request.bucket_path is not None:
        return make_film(parse_upload_path(request.bucket_path).sequence_id)
    sequence = CameraTime.parse(str(request.sequence_id))
    check_time(sequence.time, "sequence")
    return make_film(str(sequence))


def announce_quiet() -> list[str]:
    """Publish one message for each sequence whose film is due."""
    quiet_s = settings().sequence_quiet_s
    found = run_transaction(lambda session: films.find_quiet(session, quiet_s))
    for sequence_id in found:
        publish(settings().film_topic, FilmRequest(sequence_id=sequence_id))
    return found


def make_film(sequence_id: str) -> FilmMade:
    """Make a sequence's film, unless there is one of exactly these images."""
    plan = _plan(sequence_id)
    if plan.is_made:
        return _made(plan, made=False)
    try:
        with work_folder() as folder:
            frames = _write(plan, folder)
            made = _upload(plan, folder, frames)
    except PermanentError as error:
        reason = error.message
        run_transaction(lambda s: films.record_no_film(s, sequence_id, plan.tried, reason))
        raise
    run_transaction(lambda s: films.record_film(s, sequence_id, plan.tried, made, frames))
    return {**_made(plan, made=True), "frames": frames}


def _made(plan: Plan, *, made: bool) -> FilmMade:
    return {
        "sequence_id": plan.sequence_id,
        "path": plan.path,
        "images": plan.tried.images,
        "made": made,
    }


def _plan(sequence_id: str) -> Plan:
    sequence, images = run_transaction(
        lambda s: (films.find_sequence(s, sequence_id), films.images_to_film(s, sequence_id))
    )
    if sequence is None:
        raise PermanentError(Reason.OBJECT_MISSING, f"unknown sequence: {sequence_id}")
    tried = Tried.of(images)
    path = _film_path(sequence, images)
    before = storage.find_if_there(settings().processed_bucket, path)
    known = (sequence.film_path, sequence.film_images, sequence.film_generation)
    is_made = before is not None and known == (path, tried.images, tried.generation)
    shown = [image for image in images if not names_pointing(image.path)]
    return Plan(sequence_id, sequence.field, shown, tried, path, is_made, before)


def _film_path(sequence: models.Sequence, images: Sequence[FilmImage]) -> str:
    """Return a film's path, in the folder of its first image's products."""
    first = None
    if images:
        image_id = str(CameraTime(sequence.unit_id, sequence.camera_id, images[0].time))
        first = image_id, images[0].path
    return sequence_path(sequence.sequence_id, first, ".mp4")


def _write(plan: Plan, folder: Path) -> int:
    """Write the film to `folder` and return its number of frames."""
    if len(plan.images) < MIN_FRAMES:
        raise _too_few(len(plan.images))
    images = plan.images[:: -(-len(plan.images) // MAX_FRAMES)]
    samples = [_of_frame(image, folder, drawing.measure) for image in _spread(images, SAMPLES)]
    measured = [sample for sample in samples if sample]
    if not measured:
        raise _too_few(0)
    shape = Counter(shape for shape, _ in measured).most_common(1)[0][0]
    look = film_look([look for other, look in measured if other == shape])
    about = " ".join(filter(None, [plan.field, *plan.sequence_id.split("_")[:2]]))

    def draw(image: FilmImage) -> Picture | None:
        time = f"{image.time:%Y-%m-%d %H:%M:%S} UTC"
        return _of_frame(image, folder, drawing.draw, shape, look, about, time)

    return _encode(images, draw, folder / FILE_NAME)


def _encode(
    images: list[FilmImage], draw: Callable[[FilmImage], Picture | None], path: Path
) -> int:
    """Encode the pictures of the images that can be drawn; return their number."""
    pictures = (picture for picture in map(draw, images) if picture is not None)
    first = next(pictures, None)
    if first is None:
        raise _too_few(0)
    height, width = first.shape[:2]
    frames = 1
    with film.open_film(path, (height, width), film.frame_rate(len(images))) as add:
        add(first)
        for picture in pictures:
            add(picture)
            frames += 1
    if frames < MIN_FRAMES:
        raise _too_few(frames)
    return frames


def _of_frame(
    image: FilmImage,
    folder: Path,
    function: Callable[Concatenate[Path, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T | None:
    """Return the result of `function` for an image's file; log a failure and return None."""
    file = folder / "frame"
    try:
        stored = storage.find(image.bucket, image.path, image.generation)
        storage.download(stored, file, MAX_FRAME_BYTES)
        return isolation.run(function, FRAME_LIMIT_S, file, *args, **kwargs)
    except PermanentError as error:
        about = {"bucket_path": image.path, "reason_code": error.reason}
        _log.warning("not in the film: %s", error.message, extra=about)
        return None


def _upload(plan: Plan, folder: Path, frames: int) -> StoredObject:
    metadata = {"sequence-id": plan.sequence_id, "frames": str(frames)}
    return storage.upload(
        settings().processed_bucket,
        plan.path,
        folder / FILE_NAME,
        metadata,
        content_type="video/mp4",
        over_generation=plan.before.generation if plan.before else 0,
    )


def _spread(images: Sequence[FilmImage], count: int) -> list[FilmImage]:
    """Return up to `count` evenly spread images, without the first and last if there are more."""
    count = min(count, len(images))
    return [images[(2 * number + 1) * len(images) // (2 * count)] for number in range(count)]


def _too_few(frames: int) -> PermanentError:
    return PermanentError(
        Reason.TOO_FEW_FRAMES,
        f"a film needs {MIN_FRAMES} usable frames; this sequence has {frames}",
    )
