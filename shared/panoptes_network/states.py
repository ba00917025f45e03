"""States of an image and kinds of its files, as the database and every service name them."""

from enum import StrEnum


class ImageState(StrEnum):
    """How far an image has come. `END_STATES` are final."""

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
"""States of an image whose place on the sky is known."""
FAILED_STATES = (ImageState.UNSOLVED, ImageState.ERROR)
WAITING_STATES = tuple(state for state in ImageState if state not in END_STATES)
"""In the order in which an image goes through them."""


class FileKind(StrEnum):
    """What a file of an image is, beside the FITS file that was processed and its solved copy."""

    CR2 = "cr2"
    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    PICTURE = "picture"
    THUMBNAIL = "thumbnail"
