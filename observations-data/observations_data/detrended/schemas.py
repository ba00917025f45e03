"""Parameters and responses of light-curve routes, for the OpenAPI document."""

from observations_data.data_tables import Table
from observations_data.detrended import aavso, tables
from observations_data.detrended.parameters import (
    DEFAULT_CURVES,
    MAX_CURVES,
    MAX_VARIABILITY,
    OBSERVER,
    Method,
    Sort,
)
from observations_data.observations.parameters import CURSOR, DEC, MAGS, ORDER, RA
from observations_data.open_api import (
    Parameter,
    ResponseSpec,
    Schema,
    listing,
    schema_of,
    table_spec,
)
from observations_data.pagination import Direction
from observations_data.stars import schemas as star_answers
from observations_data.stars.fits import MEDIA_TYPE
from observations_data.stars.parameters import Catalog
from observations_data.stars.tables import LIGHT_CURVE
from panoptes_network.responses.light_curves import CurvePage, DetrendedCurve

AAVSO, AAVSO_EXOPLANET = "aavso", "aavso-exoplanet"
FORMATS = {
    star_answers.FITS: MEDIA_TYPE,
    AAVSO: aavso.MEDIA_TYPE,
    AAVSO_EXOPLANET: aavso.MEDIA_TYPE,
}
METHOD = Parameter(
    "method",
    "Method of the photometry: `raw`, apertures on stamps relative to comparison stars,"
    " or `detrended`, PSF photometry of the whole sequence.",
    {"enum": [*Method], "default": Method.RAW},
)
OBSCODE = Parameter(
    "obscode",
    "Observer code for the reports `aavso` and `aavso-exoplanet`.",
    {"type": "string", "pattern": f"^({OBSERVER})?$"},
)


def _either(raw: ResponseSpec, detrended: Schema, table: Table) -> ResponseSpec:
    """Return the response of a route that supports either method."""
    page = {"anyOf": [raw.content["application/json"], detrended]}
    return star_answers.with_formats(table_spec(LIGHT_CURVE, page, table), FORMATS)


DETRENDED = schema_of(DetrendedCurve, tables.DETRENDED, catalog=Catalog)
CURVE = _either(star_answers.LIGHT_CURVE, DETRENDED, tables.DETRENDED)
CURVES = listing(CurvePage, tables.LIGHT_CURVES, sort=Sort, order=Direction)
CURVES_QUERY = (
    *MAGS,
    Parameter(
        "min_variability",
        "Minimum variability.",
        {"type": "number", "minimum": 0, "maximum": MAX_VARIABILITY},
    ),
    RA,
    DEC,
    star_answers.RADIUS,
    Parameter(
        "sort",
        "Sort key; `excess` is the scatter divided by the expected noise.",
        {"enum": [*Sort], "default": Sort.MAG},
    ),
    ORDER,
    star_answers.limit(DEFAULT_CURVES, MAX_CURVES),
    CURSOR,
)
