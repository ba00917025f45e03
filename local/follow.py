"""Upload images and follow their states, live on a terminal or in plain lines."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from sqlalchemy import select
from sqlalchemy.orm import Session

from local.images import ImageFile
from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, ImageEvent
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.ids import image_suffix, parse_path
from panoptes_network.states import END_STATES, ImageState

STALL_LIMIT_S = 300.0
POLL_S = 0.25
MAX_ROWS = 20
"""Images shown at a time: unfinished ones, then the newest."""


@dataclass(slots=True)
class Followed:
    """An uploaded image and its progress; `image` is None before it is in the database.

    `products` is the number of its product files, if requested.
    """

    path: str
    generation: int
    uploaded_at: datetime
    state: str = "uploaded"
    reason: str | None = None
    image: Image | None = None
    products: int | None = None

    @property
    def cr2_image_id(self) -> str | None:
        """The id of a CR2's image, which the database knows by the FITS file made from the CR2."""
        if image_suffix(self.path) != ".cr2":
            return None
        try:
            return parse_path(self.path).image_id
        except PermanentError:
            return None

    def is_of(self, image: Image) -> bool:
        """Return whether an image's row comes from this upload."""
        if self.cr2_image_id is None:
            return (image.bucket_path, image.generation) == (self.path, self.generation)
        is_older = image.from_cr2 and image.generation < self.generation
        return image.image_id == self.cr2_image_id and not is_older

    @property
    def has_ended(self) -> bool:
        """Whether its processing has ended."""
        return self.state in END_STATES

    @property
    def succeeded(self) -> bool:
        """Whether it has its stamps."""
        return self.state == ImageState.SOURCES_EXTRACTED

    @property
    def name(self) -> str:
        """Its id, or its path while it has none."""
        return self.image.image_id if self.image else self.path


def upload_and_follow(images: Iterable[ImageFile], total: int, console: Console) -> list[Followed]:
    """Upload images one after the other, as a unit does, and return when all have ended.

    It returns earlier, with unfinished states, if nothing changes for `STALL_LIMIT_S` seconds.

    Parameters
    ----------
    total : int
        Number of `images`, for display; they may be created one by one.

    Raises
    ------
    TransientError
        If storage is unavailable.
    """
    followed: list[Followed] = []
    cancelled = Event()
    with ThreadPoolExecutor(1) as pool:
        uploads = pool.submit(_upload, images, followed, cancelled)
        try:
            if console.is_terminal:
                _follow_live(followed, uploads, total, console)
            else:
                _follow_in_lines(followed, uploads, console)
        finally:
            cancelled.set()
            if not uploads.done():
                console.print("the unit finishes its current frame")
        uploads.result()
    return followed


def results_table(followed: Sequence[Followed]) -> Table:
    """Return the results, one row per image."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for column in ("image", "state", "centre (deg)"):
        table.add_column(column, overflow="fold")
    columns = ("arcsec/px", "rms arcsec", "sources", "matches", "stamps", "seconds", "products")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    for one in followed:
        table.add_row(Text(one.name), one.state, *_figures(one))
    return table


def _figures(one: Followed) -> list[str]:
    image = one.image
    if image is None:
        return []
    centre = "" if image.ra_deg is None else f"{image.ra_deg:.4f} {image.dec_deg:+.4f}"
    values = [
        (image.pixel_scale_arcsec, ".4f"),
        (image.rms_arcsec, ".3f"),
        (image.n_sources, "d"),
        (image.n_matched, "d"),
        (image.n_stamps, "d"),
        (image.processing_s, ".1f"),
        (one.products, "d"),
    ]
    return [centre, *("" if value is None else format(value, form) for value, form in values)]


def _upload(images: Iterable[ImageFile], followed: list[Followed], cancelled: Event) -> None:
    bucket = settings().raw_bucket
    for image in images:
        if cancelled.is_set():
            return
        begun = datetime.now(UTC)
        storage.upload(bucket, image.object_path, image.file, metadata={})
        stored = storage.find(bucket, image.object_path)
        followed.append(Followed(image.object_path, stored.generation, begun))


def _follow_live(
    followed: list[Followed], uploads: Future[None], total: int, console: Console
) -> None:
    spinners: dict[str, Spinner] = {}
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        for _ in _changes(followed, uploads):
            live.update(_progress(followed, total, spinners))


def _follow_in_lines(followed: list[Followed], uploads: Future[None], console: Console) -> None:
    for changed in _changes(followed, uploads):
        for one in changed:
            why = f": {one.reason}" if one.reason else ""
            console.print(f"{one.name} {one.state}{why}", soft_wrap=True, markup=False)


def _changes(followed: list[Followed], uploads: Future[None]) -> Iterable[list[Followed]]:
    """Yield the images whose state changed at each poll, until all have ended or none changes."""
    known: dict[str, str] = {}
    moved_at = time.monotonic()
    while time.monotonic() - moved_at < STALL_LIMIT_S:
        # Checked before the poll: images uploaded after it belong to the next round.
        all_uploaded, current = uploads.done(), list(followed)
        refresh([one for one in current if not one.has_ended])
        changed = [one for one in current if known.get(one.path) != one.state]
        known.update({one.path: one.state for one in changed})
        yield changed
        if all_uploaded and all(one.has_ended for one in current):
            return
        if changed or not all_uploaded:
            moved_at = time.monotonic()
        time.sleep(POLL_S)


def _progress(followed: Sequence[Followed], total: int, spinners: dict[str, Spinner]) -> Group:
    """Return a row for each image and a summary line."""
    table = Table.grid(padding=(0, 2))
    shown = sorted(followed, key=lambda one: (one.has_ended, -one.generation))[:MAX_ROWS]
    for one in sorted(shown, key=lambda one: one.generation):
        # Reuse one object, else the spinner would not turn.
        spinner = spinners.setdefault(one.path, Spinner("dots"))
        mark = ("✓" if one.succeeded else "✗") if one.has_ended else spinner
        table.add_row(mark, Text(one.name), one.state, Text(one.reason or ""))
    ended = sum(one.has_ended for one in followed)
    return Group(table, f"{len(followed)} of {total} images are uploaded, {ended} are done")


def refresh(open_ones: Sequence[Followed]) -> None:
    """Query the progress of images; keep the last known one while the database is unavailable."""
    if not open_ones:
        return
    with suppress(TransientError):
        run_transaction(lambda session: _read_states(session, {one.path: one for one in open_ones}))


def _read_states(session: Session, by_path: dict[str, Followed]) -> None:
    bucket, paths = settings().raw_bucket, list(by_path)
    ids = {one.cr2_image_id: one for one in by_path.values() if one.cr2_image_id}
    is_uploaded = Image.bucket_path.in_(paths) | Image.image_id.in_(ids)
    for image in session.scalars(select(Image).where(Image.bucket == bucket, is_uploaded)):
        for one in (by_path.get(str(image.bucket_path)), ids.get(image.image_id)):
            if one and one.is_of(image):
                one.image, one.state, one.reason = image, image.state, image.reason
    # A file refused before it became an image is known only by its events.
    refused = select(ImageEvent).where(
        ImageEvent.bucket_path.in_(paths), ImageEvent.state == ImageState.ERROR
    )
    for event in session.scalars(refused):
        one = by_path[str(event.bucket_path)]
        if one.image is None and event.at >= one.uploaded_at:
            one.state, one.reason = event.state, event.reason
