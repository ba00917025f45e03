"""Parameters shared by several routes, for the OpenAPI document."""

from observations_data.files import KINDS, LIGHT_CURVES, LIGHT_CURVES_FITS
from observations_data.http.query_parameters import (
    DEFAULT_LIMIT,
    MAG_LIMITS,
    MAX_LIMIT,
    MAX_NUMBER,
    MAX_TEXT,
)
from observations_data.observations.search.pagination import Sort
from observations_data.open_api import Parameter, Schema
from observations_data.pagination import Direction
from observations_data.position import DEC_WANTED, DEFAULT_RADIUS_DEG, MAX_RADIUS_DEG, RA_WANTED
from panoptes_network.database.parents import MAX_EXPTIME_S
from panoptes_network.notices import tokens
from panoptes_network.states import ImageState

FILM = "film"
FILE_KINDS = (*KINDS, FILM, LIGHT_CURVES, LIGHT_CURVES_FITS)
_DAY = "(19[0-9]{2}|[2-8][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
DATE: Schema = {"type": "string", "format": "date", "pattern": f"^{_DAY}$"}
DATE_OR_TIME: Schema = {
    "anyOf": [DATE, {"type": "string", "format": "date-time", "pattern": f"^{_DAY}[Tt]"}]
}
EXPTIME: Schema = {"type": "number", "minimum": 0, "maximum": MAX_EXPTIME_S}
NUMBER_OF_IMAGES: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
TEXT: Schema = {
    "type": "string",
    "maxLength": MAX_TEXT,
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
}
"""Accepted by `query_parameters.text`: any text without control characters."""

SEQUENCE_ID = Parameter(
    "sequence_id",
    "Id of an observation.",
    TEXT | {"examples": ["PAN001_14d3bd_20181011T134202"]},
)
IMAGE_ID = Parameter(
    "image_id",
    "Id of an image.",
    {"type": "string", "examples": ["PAN001_14d3bd_20181011T134333"]},
)
UNIT_ID = Parameter(
    "unit_id", "Id of a unit, in any case.", {"type": "string", "examples": ["PAN001"]}
)
TOKEN = Parameter(
    "token", "Token of an unsubscribe link.", {"type": "string", "pattern": f"^{tokens.TOKEN}$"}
)
NIGHT = Parameter(
    "date",
    "Date of the evening, or `last` for the most recent night.",
    {"anyOf": [DATE, {"const": "last"}]},
)
LIMIT = Parameter(
    "limit",
    "Number of rows per page.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR = Parameter("cursor", "`next` of the previous page; opaque.", TEXT)
BEFORE_NIGHT = Parameter("before", "Only nights before this date.", DATE)
KIND = Parameter("kind", "Kind of file; by default, all.", {"enum": [*FILE_KINDS]})
BUCKET = Parameter("bucket", "Which bucket.", {"enum": ["raw", "processed"]})
PATH = Parameter(
    "path",
    "Path of the object, as in a file's `url`; slashes are not escaped.",
    {"type": "string"},
)

WHEN = "UTC unless it has an offset; a date means the whole day"
_POSITION = "Position to search around"
_SIXTIES = r"[: ][0-5][0-9]([: ][0-5][0-9](\.[0-9]{1,12})?)?"
_DEGREES = r"(3[0-5][0-9]|[12]?[0-9]{1,2})(\.[0-9]{0,15})?"
_NO_SIXTIES = r"[: ]00([: ]00(\.0{1,12})?)?"
_WHOLE_TURN = rf"360(\.0{{0,15}})?|24{_NO_SIXTIES}"
_POLE = rf"90((\.0{{0,15}})?|{_NO_SIXTIES})"
RA = Parameter(
    "ra",
    f"{_POSITION}, right ascension, ICRS: {RA_WANTED}. Together with `dec`.",
    {
        "type": "string",
        "pattern": rf"^({_DEGREES}|([01][0-9]|2[0-3]){_SIXTIES}|{_WHOLE_TURN})$",
        "examples": ["83.82", "05:35:17.3"],
    },
)
DEC = Parameter(
    "dec",
    f"{_POSITION}, declination, ICRS: {DEC_WANTED}. Together with `ra`.",
    {
        "type": "string",
        "pattern": rf"^[-+]?([0-8]?[0-9]((\.[0-9]{{0,15}})?|{_SIXTIES})|{_POLE})$",
        "examples": ["-5.39", "-05:23:28"],
    },
)

UNIT = Parameter("unit", "Id of the unit, in any case.", TEXT | {"examples": ["PAN001"]})
FILTERS = (
    UNIT,
    Parameter("camera", "Id of the camera.", TEXT | {"examples": ["14d3bd"]}),
    Parameter(
        "field",
        "Text in the field name, ignoring case and Unicode form.",
        TEXT | {"examples": ["M42"]},
    ),
    Parameter("after", f"Earliest start, {WHEN}.", DATE_OR_TIME),
    Parameter("before", f"Latest start, {WHEN}.", DATE_OR_TIME),
    Parameter("min_exptime", "Minimum exposure time of a frame, seconds.", EXPTIME),
    Parameter("max_exptime", "Maximum exposure time of a frame, seconds.", EXPTIME),
    Parameter("min_images", "Minimum number of images.", NUMBER_OF_IMAGES),
    Parameter("max_images", "Maximum number of images.", NUMBER_OF_IMAGES),
    Parameter("state", "State of at least one image.", {"enum": [*ImageState]}),
    Parameter("tag", "Tag of the observation.", TEXT),
    RA,
    DEC,
    Parameter(
        "name",
        f"{_POSITION}: the name of a field of the network, a star, a planet, a constellation, or a"
        " deep-sky object.",
        TEXT | {"examples": ["M42", "Vega", "HD 189733 b", "Orion"]},
    ),
    Parameter(
        "radius",
        "Maximum distance of the mean centre from the position, degrees.",
        {
            "type": "number",
            "minimum": 0,
            "maximum": MAX_RADIUS_DEG,
            "default": DEFAULT_RADIUS_DEG,
        },
    ),
)
"""Filters of observations."""
SEARCH = (
    *FILTERS,
    Parameter("sort", "Sort key.", {"enum": [*Sort], "default": Sort.TIME}),
    Parameter(
        "order",
        "Sort order; by default, times, images and exposures are descending.",
        {"enum": [*Direction]},
    ),
    Parameter(
        "facets", "Include counts by unit, camera, state, year and tag.", {"type": "boolean"}
    ),
)
PAGE = (LIMIT, CURSOR)
ORDER = Parameter(
    "order",
    "Sort order; unknown values come last.",
    {"enum": [*Direction]},
)
_MAG: Schema = {"type": "number", "minimum": MAG_LIMITS[0], "maximum": MAG_LIMITS[1]}
MAGS = (
    Parameter("min_mag", "Minimum Gaia G.", _MAG),
    Parameter("max_mag", "Maximum Gaia G.", _MAG),
)
