"""Routes of the sources of an image, of stars and of stamps."""

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from observations_data.candidates.queries import candidates_of
from observations_data.data_tables import table_response
from observations_data.database import read
from observations_data.detrended.queries import curves_of_star
from observations_data.observations.parameters import CURSOR, IMAGE_ID, SEQUENCE_ID
from observations_data.open_api import described
from observations_data.sources import schemas
from observations_data.sources.queries import sources_of
from observations_data.stars import fits as star_fits
from observations_data.stars import schemas as star_schemas
from observations_data.stars import stamps as star_frames
from observations_data.stars import star as star_rows
from observations_data.stars import tables
from observations_data.stars.parameters import FrameSearch, SourceSearch, StarId, visit_limit
from panoptes_network.responses.stars import Star

api = Blueprint("sources", __name__)

STARS = "Sources and stars"
OF_STAR = (star_schemas.CATALOG, SEQUENCE_ID, star_schemas.FRAME_LIMIT)


@api.get("/images/<image_id>/sources")
@described(
    STARS,
    schemas.SOURCES,
    path=(IMAGE_ID,),
    query=(*schemas.SOURCE_QUERY, schemas.SOURCE_LIMIT),
    problems=(404,),
)
def sources(image_id: str) -> Response:
    """List the sources of an image, brightest first."""
    found = read(sources_of, image_id, SourceSearch.parse(request.args))
    return table_response(found, found["items"], tables.SOURCES, name=f"{image_id}_sources")


@api.get("/sources/<picid>")
@described(
    STARS,
    schemas.STAR,
    path=(star_schemas.PICID,),
    query=(star_schemas.CATALOG, schemas.VISIT_LIMIT),
    problems=(404,),
)
def star(picid: str) -> Response:
    """Get a star, and list the sequences that contain it.

    `light_curves` are the sequences with a detrended light curve of the star, `candidates` the
    candidates found in them.
    """
    asked = StarId.parse(picid, request.args)
    found = read(_star, asked, visit_limit(request.args))
    return table_response(found, found["visits"], tables.VISITS, name=f"{picid}_visits")


@api.get("/sources/<picid>/stamps")
@described(
    STARS,
    star_schemas.STAMPS,
    path=(star_schemas.PICID,),
    query=(*OF_STAR, CURSOR),
    problems=(404,),
)
def stamps(picid: str) -> Response:
    """List a star's stamps, oldest first; as FITS, they are one cube."""
    asked = StarId.parse(picid, request.args)
    found = read(star_frames.stamps, asked, FrameSearch.parse(request.args))
    if _wants_fits():
        return _negotiated(star_fits.stamp_cube(found), f"{picid}_stamps")
    shown = star_frames.with_pixels(found)
    return table_response(shown, shown["items"], tables.STAMPS, name=f"{picid}_stamps")


def _star(session: Session, asked: StarId, limit: int) -> Star:
    found = star_rows.require_star(session, asked)
    return {
        **star_rows.star(session, found, limit),
        "light_curves": [curve.summary for curve in curves_of_star(session, found)],
        "candidates": candidates_of(session, found),
    }


def _wants_fits() -> bool:
    if "format" in request.args:
        return request.args["format"] == star_schemas.FITS
    media_types = [*star_schemas.STAMPS.content]
    return request.accept_mimetypes.best_match(media_types) == star_fits.MEDIA_TYPE


def _negotiated(content: bytes, name: str) -> Response:
    response = star_fits.fits_file(content, name)
    response.vary.add("Accept")
    return response
