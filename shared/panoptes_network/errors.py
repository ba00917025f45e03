"""Errors, classified by whether a retry would help."""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes for images without stamps, stored with a message in plain words."""

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
        The recorded reason code.
    message : str
        A message for the unit's owner: the problem, and its remedy if known.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type["PanoptesError"], tuple[Reason, str]]:
        """Make errors picklable, to pass them between processes."""
        return type(self), (self.reason, self.message)


class PermanentError(PanoptesError):
    """A retry would give the same result: record the error and move on."""


class SkippedError(PermanentError):
    """The file is valid and is kept, but it is not meant to be processed."""


class UnsolvedError(PermanentError):
    """The file is valid, but its sky could not be recognised."""


class TransientError(Exception):
    """A dependency is unavailable: leave the message, and it is delivered again."""
