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


UPLOAD_AGAIN = "Upload the file again under the same path; the network starts it anew."
OPERATOR = "Nothing for the unit to do: tell the network's operator."
PATH_FORM = "unit/field/camera/sequence time/image time.fits.fz, such as"
PATH_EXAMPLE = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"

ADVICE: dict[str, Advice] = {
    Reason.BAD_REQUEST: Advice(
        "A request to the network lacked something or had it wrong.",
        "Correct what the words name; uploads through the bucket need no request.",
    ),
    Reason.BAD_PATH: Advice(
        "The file lies under a path that does not say which image it is.",
        f"Upload it under a path of the form {PATH_FORM} {PATH_EXAMPLE}.",
    ),
    Reason.BAD_TIME: Advice(
        "The time of the image or its sequence is before 2000 or after tomorrow.",
        "Set the unit's clock (NTP), and upload the file under its right time.",
    ),
    Reason.UNKNOWN_FILE_TYPE: Advice(
        "The file is neither CR2 nor FITS.",
        "Upload only .cr2, .fits, .fit, .fts, .fits.gz, .fits.fz or .fz; keep logs and pictures"
        " elsewhere. Convert other raw formats to FITS, or let the camera write CR2 where it can.",
    ),
    Reason.OBJECT_MISSING: Advice(
        "The file was gone from the bucket, or a newer one had taken its place.",
        "If no newer upload followed, upload the file again, and delete nothing that waits.",
    ),
    Reason.NO_IDENTITY: Advice(
        "Neither the path nor the header card IMAGEID says which image this is.",
        f"Upload it under {PATH_FORM} {PATH_EXAMPLE}, or let the unit write IMAGEID.",
    ),
    Reason.EMPTY_FILE: Advice(
        "The file has no bytes: the upload or the camera's download broke off.",
        f"{UPLOAD_AGAIN} If it is empty on the unit too, check its disk and the camera's cable.",
    ),
    Reason.NOT_FITS: Advice(
        "The file is named like FITS but is none; the words say what it is.",
        "Check what wrote it on the unit, and upload the right file under its right suffix.",
    ),
    Reason.NOT_CR2: Advice(
        "The file is named like a CR2 but is none; the words say what it is.",
        "Let the camera store RAW, not JPEG. Convert the raw format of another camera to FITS.",
    ),
    Reason.DAMAGED_FILE: Advice(
        "The CR2's parts contradict each other, or its pixels cannot be decoded.",
        f"{UPLOAD_AGAIN} If it happens often, change the camera's card or USB cable.",
    ),
    Reason.TRUNCATED: Advice(
        "The file is shorter than its header says: the upload broke off.",
        f"{UPLOAD_AGAIN} If it happens often, check the unit's internet connection.",
    ),
    Reason.NO_IMAGE: Advice(
        "The FITS file holds no image, only tables or an image without pixels.",
        "Check what wrote it on the unit, and upload the frame itself.",
    ),
    Reason.WRONG_SHAPE: Advice(
        "The image is no frame of two axes and a usual size.",
        "Upload the camera's full frame as it was read: not a colour picture, not a cutout.",
    ),
    Reason.BAD_PIXELS: Advice(
        "The pixels are not whole numbers of 16 bits as the camera gives them.",
        "Upload the raw frame, not one that was calibrated or scaled.",
    ),
    Reason.TOO_LARGE: Advice(
        "The file has more pixels or bytes than the network takes.",
        "Upload single frames; if the camera is new to the network, tell its operator.",
    ),
    Reason.POINTING_IMAGE: Advice(
        "A pointing image, by which the mount finds its field; it is skipped, as it should be.",
        "Nothing to do.",
    ),
    **{
        kind.reason: Advice(
            f"A {kind} frame; it is kept for calibration and not solved, as it should be.",
            "Nothing to do.",
        )
        for kind in CalibrationKind
    },
    Reason.BLANK_FRAME: Advice(
        "The frame saw no light: closed cover, or nothing but noise.",
        "Check the lens caps, the cover and the camera's exposure setting (Bulb or manual). A frame"
        " that shows stars is never refused so, whatever its black level.",
    ),
    Reason.TOO_FEW_SOURCES: Advice(
        "Too few stars: clouds, dew, daylight, or the cover.",
        "Look at the pictures. Clouds pass; dew needs a heater on the lens; for daylight,"
        " check the unit's clock and time zone.",
    ),
    Reason.NOT_SOLVED: Advice(
        "There are stars, but no place on the sky fits them.",
        "Look at the pictures: trails mean tracking or polar alignment, rings mean focus. If both"
        " are good, check the unit's location and clock, which give the field in the header. Frames"
        " that are binned, or of another lens, cannot be recognised: the words say which can.",
    ),
    Reason.WRONG_SCALE: Advice(
        "The frame's header says that it is binned, or of another lens or camera.",
        "Upload frames as the camera reads them, neither binned nor resized, of the 85 mm lens. If"
        " the header is wrong, correct what writes it; for other lenses, ask the operator.",
    ),
    Reason.UPSIDE_DOWN: Advice(
        "The frame is a mirror image of the sky: its rows are upside down.",
        "Correct the program that writes the files: the first row of a FITS file is the lowest of"
        " the picture. CR2 files need no correction.",
    ),
    Reason.POOR_SOLUTION: Advice(
        "A place on the sky was found, but the catalog's stars contradict it.",
        "Look at the pictures for trails, double stars (wind, a touched mount) and focus.",
    ),
    Reason.NO_CATALOG: Advice(
        "No stars of this field are loaded in the network.",
        f"{OPERATOR} It can load more of the catalog and send the images again.",
    ),
    Reason.NO_SOLVED_FRAMES: Advice(
        "Light curves need frames whose place on the sky is known, and there are none.",
        "Look at the pictures, and at the reasons of the single images.",
    ),
    Reason.TOO_FEW_FRAMES: Advice(
        "A film needs three frames that can be shown; light curves three solved ones of one size.",
        "Nothing to do; longer sequences have both.",
    ),
    Reason.TRIES_EXHAUSTED: Advice(
        "The processing failed each time it was tried.",
        f"{OPERATOR} The words have the last failure.",
    ),
}

UNKNOWN = Advice("The network gave no reason that is known here.", OPERATOR)

GAPS = Advice(
    "frames are missing within sequences",
    "Look at the unit's log at those times: weather, a camera that hung, a full disk. Frames that"
    " are on the unit can still be uploaded.",
)
DRIFT = Advice(
    "the field drifted",
    "Check the polar alignment, the balance and the mount's clutches.",
)
CLOCK = Advice(
    "the camera's clock is wrong",
    "The network believes the path, not the clock: nothing is lost. Set the camera's clock to UTC.",
)
CONTRADICTION = Advice(
    "path and header contradict each other",
    "The path was believed. If the header is right, upload the files under the right path.",
)
WIDE_STARS = Advice(
    "are wider than a stamp of 10 pixels, which cuts off their light",
    "Look at the pictures. Trails: check the polar alignment and the tracking. Rings or discs:"
    " focus the lens and tape its ring. A sharp star is 2 to 4 pixels wide.",
)
HEADER_FINDING = Advice(
    "a value in the header cannot be used",
    "The image is processed without it. Correct what writes the header on the unit.",
)
WAITING = Advice(
    "images still wait",
    "Come back later. If they wait for more than an hour, tell the network's operator.",
)
SITE = Advice(
    "the header says that the unit stands elsewhere",
    "Check the location in the unit's configuration: nights are counted by its longitude. The"
    " newest image is believed; the network's operator can pin the right place.",
)
GIVEN_UP = Advice("a message about them was given up after its last try", OPERATOR)
NO_FILE = Advice(
    "only the headers of some images arrived, not their files",
    "Check that the unit's upload is done, and upload the files.",
)
EMPTY_NIGHT = (
    "Was it clear? A unit takes nothing in bad weather: look at its weather log.",
    "Was the unit on and awake? Look at its own log of that evening, at power and disk space.",
    "Are the files still on the unit? Then its upload or internet connection failed; they can"
    " be uploaded at any time.",
    "Do the object paths begin with the unit's id and have UTC times? A wrong clock puts images"
    " into another night.",
)


def of_reason(code: str | None) -> Advice:
    """Return the advice for a reason code, which may be unknown."""
    return ADVICE.get(code or "", UNKNOWN)
