"""Parameters and responses of light-curve routes, for the OpenAPI document."""

from observations_data.data_tables import Column, Table
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
    COUNT,
    ID,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    Parameter,
    ResponseSpec,
    Schema,
    list_of,
    listing,
    record,
    row_of,
    table_spec,
)
from observations_data.pagination import Direction
from observations_data.stars import schemas as star_answers
from observations_data.stars.fits import MEDIA_TYPE
from observations_data.stars.tables import LIGHT_CURVE

MAYBE_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
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
_FILES: Schema = {
    "type": "object",
    "description": "Files with all light curves of the sequence: light_curves, light_curves_fits.",
    "additionalProperties": record(
        path=TEXT, name=TEXT, bucket=TEXT, url=TEXT, n_bytes=MAYBE_COUNT
    ),
}
_STAR: Schema = {
    "type": ["object", "null"],
    "required": ["ra_deg", "dec_deg", "gaia_mag"],
    "properties": {"ra_deg": NUMBER, "dec_deg": NUMBER, "gaia_mag": MAYBE_NUMBER},
}
_QUALITY = list_of(record(bit=COUNT, name=TEXT, meaning=TEXT))


def _summary(column: Column) -> Schema:
    return {"description": column.description}


SEQUENCE = record(
    sequence_id=TEXT,
    **{column.name: _summary(column) for column in tables.SUMMARY},
    made_at={"type": ["string", "null"]},
    files=_FILES,
)
DETRENDED = record(
    items=list_of(row_of(tables.DETRENDED)),
    picid=ID,
    catalog=star_answers.CATALOG_NAME,
    url=TEXT,
    method=TEXT,
    quality=_QUALITY,
    star=_STAR,
    known=record(known_name=MAYBE_TEXT, known_kind=MAYBE_TEXT),
    sequences=list_of(SEQUENCE),
    total=COUNT,
)


def _either(raw: ResponseSpec, detrended: Schema, table: Table) -> ResponseSpec:
    """Return the response of a route that supports either method."""
    page = {"anyOf": [raw.content["application/json"], detrended]}
    return star_answers.with_formats(table_spec(LIGHT_CURVE, page, table), FORMATS)


CURVE = _either(star_answers.LIGHT_CURVE, DETRENDED, tables.DETRENDED)
CURVES = listing(
    tables.LIGHT_CURVES,
    sequence_id=TEXT,
    n_frames=MAYBE_COUNT,
    n_stars=MAYBE_COUNT,
    photon_limit_ratio=MAYBE_NUMBER,
    made_at={"type": ["string", "null"]},
    reason_code=MAYBE_TEXT,
    reason=MAYBE_TEXT,
    files=_FILES,
    total=COUNT,
    next=MAYBE_TEXT,
    sort={"enum": [*Sort]},
    order={"enum": [*Direction]},
)
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
