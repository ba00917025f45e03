"""What can go wrong, sorted by the one question that matters: would trying again help?"""

from enum import StrEnum


class Reason(StrEnum):
    """Why an image did not reach its stamps: the code kept beside the plain words."""

    BAD_REQUEST = "bad_request"
    BAD_PATH = "bad_path"
    BAD_TIME = "bad_time"
    UNKNOWN_FILE_TYPE = "unknown_file_type"
    OBJECT_MISSING = "object_missing"
    NO_IDENTITY = "no_identity"
    EMPTY_FILE = "empty_file"
    NOT_FITS = "not_fits"
    NOT_CR2 = "not_cr2"
    DAMAGED_FILE = "damaged_file"
    TRUNCATED = "truncated"
    NO_IMAGE = "no_image"
    WRONG_SHAPE = "wrong_shape"
    BAD_PIXELS = "bad_pixels"
    TOO_LARGE = "too_large"
    POINTING_IMAGE = "pointing_image"
    DARK_FRAME = "dark_frame"
    BIAS_FRAME = "bias_frame"
    FLAT_FRAME = "flat_frame"
    FOCUS_FRAME = "focus_frame"
    BLANK_FRAME = "blank_frame"
    TOO_FEW_SOURCES = "too_few_sources"
    NOT_SOLVED = "not_solved"
    WRONG_SCALE = "wrong_scale"
    UPSIDE_DOWN = "upside_down"
    POOR_SOLUTION = "poor_solution"
    NO_CATALOG = "no_catalog"
    NO_SOLVED_FRAMES = "no_solved_frames"
    TOO_FEW_FRAMES = "too_few_frames"
    TRIES_EXHAUSTED = "tries_exhausted"


class PanoptesError(Exception):
    """Base of the project's errors.

    Parameters
    ----------
    reason : Reason
        The code under which the failure is recorded.
    message : str
        Plain words for a unit owner: what was wrong, and what to do where that is known.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type["PanoptesError"], tuple[Reason, str]]:
        """Let it pass from one process to another whole."""
        return type(self), (self.reason, self.message)


class PermanentError(PanoptesError):
    """Trying again gives the same result: record it and move on."""


class SkippedError(PermanentError):
    """The file is fine and is kept, but it is not meant to be processed."""


class UnsolvedError(PermanentError):
    """The file is fine, but its sky could not be recognised."""


class TransientError(Exception):
    """Something the image depends on is away: leave the message, it comes again."""
