"""Explanations and advice for unit owners about each failure.

docs/conventions.md has the same reasons in brief; these texts are shown to owners.
"""

from typing import NamedTuple

from panoptes_network.errors import Reason
from panoptes_network.frames.calibration import CalibrationKind


class Advice(NamedTuple):
    """An explanation of a failure, and the remedy, in plain words."""

    meaning: str
    action: str


UPLOAD_AGAIN = (
    "Upload the file again under the same path; the network will process it from the start."
)
OPERATOR = "Nothing for the unit to do: tell the network's operator."
PATH_FORM = "unit/field/camera/sequence time/image time.fits.fz, such as"
PATH_EXAMPLE = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"

ADVICE: dict[str, Advice] = {
    Reason.BAD_REQUEST: Advice(
        "A request to the network was incomplete or had a wrong value.",
        "Correct what the message names; uploads through the bucket need no request.",
    ),
    Reason.BAD_PATH: Advice(
        "The path of the file does not say which image it is.",
        f"Upload it under a path of the form {PATH_FORM} {PATH_EXAMPLE}.",
    ),
    Reason.BAD_TIME: Advice(
        "The time of the image or its sequence is before 2000 or after tomorrow.",
        "Set the unit's clock (NTP), and upload the file under the correct time.",
    ),
    Reason.UNKNOWN_FILE_TYPE: Advice(
        "The file is neither CR2 nor FITS.",
        "Upload only .cr2, .fits, .fit, .fts, .fits.gz, .fits.fz or .fz; keep logs and pictures"
        " elsewhere. Convert other raw formats to FITS, or let the camera write CR2 where it can.",
    ),
    Reason.OBJECT_MISSING: Advice(
        "The file was no longer in the bucket, or a newer one had replaced it.",
        "If no newer upload followed, upload the file again. Do not delete files that are still"
        " waiting.",
    ),
    Reason.NO_IDENTITY: Advice(
        "Neither the path nor the header card IMAGEID says which image this is.",
        f"Upload it under {PATH_FORM} {PATH_EXAMPLE}, or let the unit write IMAGEID.",
    ),
    Reason.EMPTY_FILE: Advice(
        "The file is empty: the upload, or the download from the camera, was interrupted.",
        f"{UPLOAD_AGAIN} If it is empty on the unit too, check its disk and the camera's cable.",
    ),
    Reason.NOT_FITS: Advice(
        "The file is named like FITS but is not FITS; the message says what it is.",
        "Check what wrote it on the unit, and upload the right file with the right suffix.",
    ),
    Reason.NOT_CR2: Advice(
        "The file is named like a CR2 but is not one; the message says what it is.",
        "Let the camera store RAW, not JPEG. Convert the raw format of another camera to FITS.",
    ),
    Reason.DAMAGED_FILE: Advice(
        "The file is inconsistent, or its pixels cannot be decoded.",
        f"{UPLOAD_AGAIN} If it happens often, change the camera's card or USB cable.",
    ),
    Reason.TRUNCATED: Advice(
        "The file is shorter than its header says: the upload was interrupted.",
        f"{UPLOAD_AGAIN} If it happens often, check the unit's internet connection.",
    ),
    Reason.NO_IMAGE: Advice(
        "The FITS file has no image, only tables or an image without pixels.",
        "Check what wrote it on the unit, and upload the frame itself.",
    ),
    Reason.WRONG_SHAPE: Advice(
        "The image does not have two axes, or is too small for a frame.",
        "Upload the camera's full raw frame, not a colour picture or a cutout.",
    ),
    Reason.BAD_PIXELS: Advice(
        "The pixels are not whole numbers of 16 bits, as the camera writes them.",
        "Upload the raw frame, not a calibrated or scaled one.",
    ),
    Reason.TOO_LARGE: Advice(
        "The file has more pixels or bytes than the network accepts.",
        "Upload single frames; if the camera is new to the network, tell its operator.",
    ),
    Reason.POINTING_IMAGE: Advice(
        "A pointing image, which the mount uses to find its field; skipping it is normal.",
        "Nothing to do.",
    ),
    **{
        kind.reason: Advice(
            f"A {kind} frame; it is stored for calibration and not solved, which is normal.",
            "Nothing to do.",
        )
        for kind in CalibrationKind
    },
    Reason.BLANK_FRAME: Advice(
        "The frame shows no light, only noise: the cover or lens cap was closed.",
        "Check the lens caps, the cover and the camera's exposure setting (Bulb or manual). A frame"
        " with stars is never refused as blank, whatever its black level.",
    ),
    Reason.TOO_FEW_SOURCES: Advice(
        "Too few stars: clouds, dew, daylight, or a closed cover.",
        "Look at the pictures. Clouds pass; dew needs a heater on the lens; for daylight,"
        " check the unit's clock and time zone.",
    ),
    Reason.NOT_SOLVED: Advice(
        "There are stars, but they match no position on the sky.",
        "Look at the pictures: trails mean a problem with tracking or polar alignment, rings mean"
        " bad focus. If both are good, check the unit's location and clock, from which the field in"
        " the header follows. Binned frames and frames from other lenses cannot be recognised: the"
        " message says which can.",
    ),
    Reason.WRONG_SCALE: Advice(
        "By its header, the frame is binned, or comes from another lens or camera.",
        "Upload raw frames from the 85 mm lens, neither binned nor resized. If the header is wrong,"
        " correct the program that writes it; for other lenses, ask the network's operator.",
    ),
    Reason.UPSIDE_DOWN: Advice(
        "The frame is a mirror image of the sky: its rows are upside down.",
        "Correct the program that writes the files: the first row of a FITS file is the bottom row"
        " of the picture. CR2 files need no correction.",
    ),
    Reason.POOR_SOLUTION: Advice(
        "A position on the sky was found, but the catalog's stars contradict it.",
        "Look at the pictures for trails, double stars (wind, a touched mount) and focus.",
    ),
    Reason.NO_CATALOG: Advice(
        "The network's star catalog has no stars in this field.",
        f"{OPERATOR} They can load more of the catalog and process the images again.",
    ),
    Reason.NO_SOLVED_FRAMES: Advice(
        "Light curves need frames with a plate solution, and there are none.",
        "Look at the pictures, and at the reason of each image.",
    ),
    Reason.TOO_FEW_FRAMES: Advice(
        "A film needs three usable frames; light curves need three solved frames of the same size.",
        "Nothing to do; longer sequences get both.",
    ),
    Reason.TRIES_EXHAUSTED: Advice(
        "Processing failed at every attempt.",
        f"{OPERATOR} The message names the last failure.",
    ),
}

UNKNOWN = Advice("The network gave an unknown reason.", OPERATOR)

GAPS = Advice(
    "frames are missing within sequences",
    "Look at the unit's log at those times: bad weather, a hung camera, a full disk? Frames that"
    " are still on the unit can be uploaded at any time.",
)
DRIFT = Advice(
    "the field drifted",
    "Check the polar alignment, the balance and the mount's clutches.",
)
CLOCK = Advice(
    "the camera's clock is wrong",
    "Nothing is lost: the network uses the time in the path. Set the camera's clock to UTC.",
)
CONTRADICTION = Advice(
    "path and header contradict each other",
    "The network uses the path. If the header is right, upload the files under the right path.",
)
WIDE_STARS = Advice(
    "are wider than the 10-pixel stamps, which cut off some of their light",
    "Look at the pictures. Trails: check the polar alignment and the tracking. Rings or discs:"
    " focus the lens and tape its ring. A sharp star is 2 to 4 pixels wide.",
)
HEADER_FINDING = Advice(
    "a value in the header cannot be used",
    "The image is processed without it. Correct the program that writes the header on the unit.",
)
WAITING = Advice(
    "images are still waiting",
    "Come back later. If they wait for more than an hour, tell the network's operator.",
)
SITE = Advice(
    "the header has another location of the unit",
    "Check the location in the unit's configuration: it decides where a night begins. The network"
    " uses the newest image's location; its operator can pin the right one.",
)
GIVEN_UP = Advice("a message about them could not be delivered", OPERATOR)
NO_FILE = Advice(
    "only the headers of some images arrived, not their files",
    "Check that the unit has finished uploading, and upload the files.",
)
EMPTY_NIGHT = (
    "Was the sky clear? A unit takes no images in bad weather: look at its weather log.",
    "Was the unit switched on? Look at its log of that evening, and check power and disk space.",
    "Are the files still on the unit? Then its upload or internet connection failed; they can"
    " be uploaded at any time.",
    "Do the object paths begin with the unit's id and have UTC times? With a wrong clock, images"
    " are counted in another night.",
)


def of_reason(code: str | None) -> Advice:
    """Return the advice for a reason code, which may be unknown."""
    return ADVICE.get(code or "", UNKNOWN)
