"""Routes of names: what one means, and what an image or an observation shows."""

from flask import Blueprint, Response, request

from observations_data.data_tables import table_response
from observations_data.database import read
from observations_data.http import query_parameters
from observations_data.http.query_parameters import BadParameterError
from observations_data.names.in_picture import DEFAULT_OBJECTS, MAX_OBJECTS, in_picture
from observations_data.names.queries import named
from observations_data.names.tables import OBJECTS
from observations_data.observations.image import Frame, frame_of, frame_of_sequence
from observations_data.observations.parameters import IMAGE_ID, SEQUENCE_ID, TEXT
from observations_data.open_api import Parameter, described, json_spec, listing, schema_of
from observations_data.stars.schemas import limit
from panoptes_network.names.spelling import MAX_LENGTH
from panoptes_network.responses.names import NameResponse
from panoptes_network.responses.picture_objects import PictureObjects

api = Blueprint("names", __name__)

NAMES = "Names"
QUERY = Parameter(
    "q",
    "Name or id, in any usual spelling.",
    TEXT
    | {
        "maxLength": MAX_LENGTH,
        "examples": ["Vega", "α Lyr", "HD 189733 b", "Orion", "M42", "PAN001"],
    },
)
OBJECT_LIMIT = limit(DEFAULT_OBJECTS, MAX_OBJECTS)


@api.get("/names")
@described(NAMES, json_spec("The object of this name.", schema_of(NameResponse)), query=(QUERY,))
def names() -> NameResponse:
    """Look up a name: a unit, an observation, an image, a field, a star, a planet, a constellation.

    Also Messier, NGC and IC objects. `found` is null for an unknown name; `near` then lists names
    that are spelled like it.
    """
    name = query_parameters.text(request.args, QUERY.name) or ""
    if len(name) > MAX_LENGTH:
        raise BadParameterError(QUERY.name, f"a name of up to {MAX_LENGTH} characters")
    return read(named, name)


@api.get("/images/<image_id>/objects")
@described(
    NAMES,
    listing(PictureObjects, OBJECTS),
    path=(IMAGE_ID,),
    query=(OBJECT_LIMIT,),
    problems=(404,),
)
def objects(image_id: str) -> Response:
    """List what a solved image shows: named stars and deep-sky objects, and constellations.

    The brightest come first. Pixels are by the image's own solution.
    """
    most = query_parameters.limit(request.args, DEFAULT_OBJECTS, MAX_OBJECTS)
    return _objects(frame_of(image_id), most)


@api.get("/observations/<sequence_id>/objects")
@described(
    NAMES,
    listing(PictureObjects, OBJECTS),
    path=(SEQUENCE_ID,),
    query=(OBJECT_LIMIT,),
    problems=(404,),
)
def objects_of_sequence(sequence_id: str) -> Response:
    """List what the middle one of an observation's solved images shows."""
    most = query_parameters.limit(request.args, DEFAULT_OBJECTS, MAX_OBJECTS)
    return _objects(frame_of_sequence(sequence_id), most)


def _objects(frame: Frame, most: int) -> Response:
    found = in_picture(frame, most)
    return table_response(found, found["items"], OBJECTS, name=f"{frame.image_id}_objects")
