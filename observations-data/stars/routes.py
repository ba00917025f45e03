"""Where the sources of an image, stars and stamps are asked for."""

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from candidates.rows import candidates_of
from data_tables import answer
from detrended.rows import curves_of_star
from observation_database import Json, read
from observation_parameters import CURSOR, IMAGE_ID, SEQUENCE_ID
from open_api import described
from stars import answers, image_sources, tables
from stars import fits as star_fits
from stars import frames as star_frames
from stars import rows as star_rows
from stars.search import FrameSearch, SourceSearch, StarId, visit_limit

api = Blueprint("sources", __name__)

STARS = "Sources and stars"
OF_STAR = (answers.CATALOG, SEQUENCE_ID, answers.FRAME_LIMIT)


@api.get("/images/<image_id>/sources")
@described(
    STARS,
    answers.SOURCES,
    path=(IMAGE_ID,),
    query=(*answers.SOURCE_QUERY, answers.SOURCE_LIMIT),
    problems=(404,),
)
def sources(image_id: str) -> Response:
    """List what was detected in an image, brightest first."""
    found = read(image_sources.sources_of, image_id, SourceSearch.parse(request.args))
    return answer(found, tables.SOURCES, name=f"{image_id}_sources")


@api.get("/sources/<picid>")
@described(
    STARS,
    answers.STAR,
    path=(answers.PICID,),
    query=(answers.CATALOG, answers.VISIT_LIMIT),
    problems=(404,),
)
def star(picid: str) -> Response:
    """Tell what is known of a star, and list the sequences that it was seen in.

    `light_curves` are those sequences that have a detrended light curve of it, `candidates` what
    was found in them.
    """
    asked = StarId.parse(picid, request.args)
    found = read(_star, asked, visit_limit(request.args))
    return answer(found, tables.VISITS, items="visits", name=f"{picid}_visits")


@api.get("/sources/<picid>/stamps")
@described(
    STARS,
    answers.STAMPS,
    path=(answers.PICID,),
    query=(*OF_STAR, CURSOR),
    problems=(404,),
)
def stamps(picid: str) -> Response:
    """List a star's stamps, oldest first; as FITS, they are one cube."""
    asked = StarId.parse(picid, request.args)
    found = read(star_frames.stamps, asked, FrameSearch.parse(request.args))
    if _wants_fits():
        return _negotiated(star_fits.stamp_cube(found), f"{picid}_stamps")
    return answer(star_frames.with_pixels(found), tables.STAMPS, name=f"{picid}_stamps")


def _star(session: Session, asked: StarId, limit: int) -> Json:
    found = star_rows.require_star(session, asked)
    return {
        **star_rows.star(session, found, limit),
        "light_curves": [about for about, _ in curves_of_star(session, found)],
        "candidates": candidates_of(session, found),
    }


def _wants_fits() -> bool:
    if "format" in request.args:
        return request.args["format"] == answers.FITS
    media_types = [*answers.STAMPS.content]
    return request.accept_mimetypes.best_match(media_types) == star_fits.MEDIA_TYPE


def _negotiated(content: bytes, name: str) -> Response:
    response = star_fits.fits_file(content, name)
    response.vary.add("Accept")
    return response
