"""The route of cutouts."""

from flask import Blueprint, Response, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from observations_data import file_storage
from observations_data.cutouts.fits_file import SolvedImage, cutout_file
from observations_data.cutouts.frame_region import read_region
from observations_data.cutouts.parameters import (
    DEFAULT_SIDE_PX,
    MAX_SIDE_PX,
    MIN_SIDE_PX,
    CutoutSearch,
)
from observations_data.database import as_record, read, unknown
from observations_data.observations.parameters import DEC, IMAGE_ID, RA
from observations_data.open_api import Parameter, described, file_spec
from observations_data.stars.fits import MEDIA_TYPE, fits_file
from panoptes_network.config import settings
from panoptes_network.database.models import Image, Sequence
from panoptes_network.errors import PermanentError, Reason

api = Blueprint("cutouts", __name__)

SIDE = Parameter(
    "side",
    "Side of the square, pixels; an even number.",
    {
        "type": "integer",
        "minimum": MIN_SIDE_PX,
        "maximum": MAX_SIDE_PX,
        "multipleOf": 2,
        "default": DEFAULT_SIDE_PX,
    },
)


@api.get("/images/<image_id>/cutout")
@described(
    "Observations and images",
    file_spec("Raw pixels around a position, with the frame's header.", MEDIA_TYPE),
    path=(IMAGE_ID,),
    query=(RA, DEC, SIDE),
    problems=(400, 404),
)
def cutout(image_id: str) -> Response:
    """Get a square cutout of a solved frame as FITS.

    It is cropped at the frame's edges. It starts on an even column and row, so that its Bayer
    colours are aligned with the frame's.
    """
    search = CutoutSearch.parse(request.args)
    image = read(_solved_image, image_id)
    stored = file_storage.find(settings().processed_bucket, image["solved_path"])
    piece = read_region(stored, search)
    name = f"{image_id}_{search.ra_deg:.4f}{search.dec_deg:+.4f}"
    return fits_file(cutout_file(piece, image, stored), name)


def _solved_image(session: Session, image_id: str) -> SolvedImage:
    row = session.execute(
        select(Image.image_id, Image.time, Image.solved_path, Sequence.field)
        .join(Sequence, Sequence.sequence_id == Image.sequence_id)
        .where(Image.image_id == image_id)
    ).one_or_none()
    if row is None:
        raise unknown("image", image_id)
    if row.solved_path is None:
        raise PermanentError(Reason.OBJECT_MISSING, f"{image_id} has no plate solution")
    return as_record(SolvedImage, row._asdict())
