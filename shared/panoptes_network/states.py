"""States of an image and kinds of its files, as named by the database and all services."""

from enum import StrEnum


class ImageState(StrEnum):
    """Processing state of an image. `END_STATES` are final."""

    METADATA_RECEIVED = "metadata_received"
    SOLVING = "solving"
    SOLVED = "solved"
    SOURCES_DETECTED = "sources_detected"
    SOURCES_EXTRACTED = "sources_extracted"
    SKIPPED = "skipped"
    UNSOLVED = "unsolved"
    ERROR = "error"


END_STATES = frozenset(
    {ImageState.SOURCES_EXTRACTED, ImageState.SKIPPED, ImageState.UNSOLVED, ImageState.ERROR}
)
SOLVED_STATES = frozenset(
    {ImageState.SOLVED, ImageState.SOURCES_DETECTED, ImageState.SOURCES_EXTRACTED}
)
"""States of an image whose position on the sky is known."""
FAILED_STATES = (ImageState.UNSOLVED, ImageState.ERROR)
WAITING_STATES = tuple(state for state in ImageState if state not in END_STATES)
"""In the order in which an image passes through them."""


class FileKind(StrEnum):
    """Kind of an image's file, besides the processed FITS file and its solved copy."""

    CR2 = "cr2"
    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    PICTURE = "picture"
    PREVIEW = "preview"
    THUMBNAIL = "thumbnail"
