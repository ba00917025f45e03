"""The parameters that the service's routes share, as its document describes them."""

from observation_file_rows import KINDS
from observation_search.order import Direction, Sort
from observation_search.position import DEC_WANTED, DEFAULT_RADIUS_DEG, MAX_RADIUS_DEG, RA_WANTED
from observation_search.search import MAX_EXPTIME_S
from open_api import Parameter, Schema
from panoptes_network.database.models import ImageState
from query_parameters import DEFAULT_LIMIT, MAX_LIMIT, MAX_NUMBER, MAX_TEXT

FILM = "film"
FILE_KINDS = (*KINDS, FILM)
DATE: Schema = {"type": "string", "format": "date"}
EXPTIME: Schema = {"type": "number", "minimum": 0, "maximum": MAX_EXPTIME_S}
NUMBER_OF_IMAGES: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
TEXT: Schema = {"type": "string", "maxLength": MAX_TEXT}

SEQUENCE_ID = Parameter(
    "sequence_id",
    "Id of an observation.",
    {"type": "string", "examples": ["PAN001_14d3bd_20181011T134202"]},
)
IMAGE_ID = Parameter(
    "image_id",
    "Id of an image.",
    {"type": "string", "examples": ["PAN001_14d3bd_20181011T134333"]},
)
UNIT_ID = Parameter(
    "unit_id", "Id of a unit, in any case.", {"type": "string", "examples": ["PAN001"]}
)
NIGHT = Parameter(
    "date",
    "Date of the evening, or `last` for the night that began most lately.",
    {"anyOf": [DATE, {"const": "last"}]},
)
LIMIT = Parameter(
    "limit",
    "Rows of a page.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR = Parameter("cursor", "`next` of the page before; opaque.", {"type": "string"})
BEFORE_NIGHT = Parameter("before", "Only nights before this date.", DATE)
KIND = Parameter("kind", "Only files of this kind; without it, all.", {"enum": [*FILE_KINDS]})
BUCKET = Parameter("bucket", "Which bucket.", {"enum": ["raw", "processed"]})
PATH = Parameter(
    "path",
    "Path of the object, as `url` of a file has it; its slashes stay slashes.",
    {"type": "string"},
)

_POSITION = "Place that is searched around"
RA = Parameter("ra", f"{_POSITION}, right ascension, ICRS: {RA_WANTED}.", TEXT)
DEC = Parameter("dec", f"{_POSITION}, declination, ICRS: {DEC_WANTED}.", TEXT)

UNIT = Parameter("unit", "Id of the unit, in any case.", TEXT | {"examples": ["PAN001"]})
FILTERS = (
    UNIT,
    Parameter("camera", "Id of the camera.", TEXT | {"examples": ["14d3bd"]}),
    Parameter(
        "field", "Text that the field's name contains, in any case.", TEXT | {"examples": ["M42"]}
    ),
    Parameter("after", "Starts on this date or later, UTC.", DATE),
    Parameter("before", "Starts on this date or earlier, UTC.", DATE),
    Parameter("min_exptime", "Least exposure of a frame, seconds.", EXPTIME),
    Parameter("max_exptime", "Longest exposure of a frame, seconds.", EXPTIME),
    Parameter("min_images", "Least number of images.", NUMBER_OF_IMAGES),
    Parameter("max_images", "Greatest number of images.", NUMBER_OF_IMAGES),
    Parameter("state", "Has an image in this state.", {"enum": [*ImageState]}),
    Parameter("tag", "Has this tag.", TEXT),
    RA,
    DEC,
    Parameter(
        "name",
        f"{_POSITION}: a field of the network, a star like TIC 123, or a deep-sky object.",
        TEXT | {"examples": ["M42", "NGC 7000"]},
    ),
    Parameter(
        "radius",
        "How far from the place the mean centre may be, degrees.",
        {
            "type": "number",
            "minimum": 0,
            "maximum": MAX_RADIUS_DEG,
            "default": DEFAULT_RADIUS_DEG,
        },
    ),
)
"""What observations are found by."""
SEARCH = (
    *FILTERS,
    Parameter("sort", "What they are sorted by.", {"enum": [*Sort], "default": Sort.TIME}),
    Parameter(
        "order",
        "Whether the least comes first; without it, times, images and exposures fall.",
        {"enum": [*Direction]},
    ),
    Parameter("facets", "Also count by unit, camera, state, year and tag.", {"type": "boolean"}),
)
PAGE = (LIMIT, CURSOR)
