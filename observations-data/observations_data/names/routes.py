"""Route of names."""

from flask import Blueprint, request

from observations_data.database import read
from observations_data.http import query_parameters
from observations_data.http.query_parameters import BadParameterError
from observations_data.names.queries import named
from observations_data.observations.parameters import TEXT
from observations_data.open_api import Parameter, described, json_spec, schema_of
from panoptes_network.names.spelling import MAX_LENGTH
from panoptes_network.responses.names import NameResponse

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
