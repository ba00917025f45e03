"""Parameters of the Virtual Observatory's services, for the OpenAPI document."""

from observations_data.open_api import Parameter, Schema
from observations_data.virtual_observatory.cone_search import (
    CATALOGS,
    MAX_VERBOSITY,
    USUAL_VERBOSITY,
)
from observations_data.virtual_observatory.dali import DEFAULT_MAXREC, MAXREC_LIMIT
from observations_data.virtual_observatory.datalink import MAX_IDS
from observations_data.virtual_observatory.support_interfaces import SERVICES, TABLES

HEADING = "Virtual Observatory"
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
"""A parameter that may be repeated; any of its values may match."""


def _number(name: str, description: str, minimum: float, maximum: float) -> Parameter:
    return Parameter(name, description, {"type": "number", "minimum": minimum, "maximum": maximum})


def _texts(name: str, description: str) -> Parameter:
    return Parameter(name, description, TEXTS)


CATALOG = Parameter("catalog", "Table to search.", {"enum": [*CATALOGS]})
SERVICE = Parameter("service", "Which service.", {"enum": [*SERVICES]})
TABLE = Parameter(
    "table",
    "One of the service's tables.",
    {"enum": [table.name for tables in TABLES.values() for table in tables]},
)
MAXREC = Parameter(
    "MAXREC",
    f"Maximum number of rows, up to {MAXREC_LIMIT}; 0 returns only the columns.",
    {"type": "integer", "minimum": 0, "default": DEFAULT_MAXREC},
)
RESPONSEFORMAT = Parameter(
    "RESPONSEFORMAT", "Only VOTable is supported.", {"type": "string", "default": "votable"}
)
CONE_SEARCH = (
    _number("RA", "Right ascension, ICRS degrees.", 0, 360),
    _number("DEC", "Declination, ICRS degrees.", -90, 90),
    _number("SR", "Radius, degrees; 0 returns only the columns.", 0, 180),
    Parameter(
        "VERB",
        "Number of columns, from 1 (few) to 3 (all).",
        {"type": "integer", "minimum": 1, "maximum": MAX_VERBOSITY, "default": USUAL_VERBOSITY},
    ),
    MAXREC,
    RESPONSEFORMAT,
)
IMAGE_ACCESS = (
    _texts("POS", "CIRCLE ra dec radius, RANGE ra ra dec dec or POLYGON ra dec …, degrees."),
    _texts("BAND", "Wavelength, one number or a range, m."),
    _texts("TIME", "Times, MJD, UTC."),
    _texts("POL", "Polarizations: none are available."),
    _texts("FOV", "Diagonals of the frame, degrees."),
    _texts("SPATRES", "Widths of the stars, arcsec."),
    _texts("SPECRP", "Resolving powers."),
    _texts("EXPTIME", "Exposures, s."),
    _texts("TIMERES", "The same as EXPTIME."),
    _texts("ID", "Identifiers, ivo://panoptes/solved?… or ivo://panoptes/raw?…"),
    _texts("COLLECTION", "Collections: PANOPTES."),
    _texts("FACILITY", "Units."),
    _texts("INSTRUMENT", "Cameras."),
    _texts("DPTYPE", "Types of data: image."),
    _texts("CALIB", "1 for raw frames, 2 for solved ones."),
    _texts("TARGET", "Exact field names."),
    _texts("FORMAT", "Media types of the files: application/fits."),
    MAXREC,
    RESPONSEFORMAT,
)
LINKS = (
    _texts(
        "ID",
        f"Identifiers of frames, as returned by SIA. Only the first {MAX_IDS} are"
        " resolved; with more, the response has the status OVERFLOW.",
    ),
    RESPONSEFORMAT,
)
