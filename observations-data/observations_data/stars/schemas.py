"""Parameters and responses of the routes of sources and stars, for the OpenAPI document."""

from dataclasses import replace

from observations_data.candidates.tables import CANDIDATES
from observations_data.data_tables import Table
from observations_data.observations.parameters import DEC, RA
from observations_data.open_api import (
    COUNT,
    ID,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    OBJECT,
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
from observations_data.photometry import COLOURS
from observations_data.position import MAX_RADIUS_DEG
from observations_data.stars import tables
from observations_data.stars.fits import MEDIA_TYPE
from observations_data.stars.parameters import (
    DEFAULT_SOURCES,
    DEFAULT_VISITS,
    MAX_FRAMES,
    MAX_SNR,
    MAX_SOURCES,
    Catalog,
)

FITS = "fits"
MAYBE_TIME: Schema = {"type": ["string", "null"]}
CATALOG_ENTRY: Schema = {
    "type": ["object", "null"],
    "description": (
        "What the catalog says: place, ICRS degrees, at the Julian year epoch_yr; proper motion,"
        " mas a year; magnitudes; temperature. Unknown values are null."
    ),
    "required": ["catalog", "ra_deg", "dec_deg", "epoch_yr", "pmra_masyr", "pmdec_masyr"],
    "properties": {
        "catalog": {"enum": [*Catalog]},
        "ra_deg": NUMBER,
        "dec_deg": NUMBER,
        "epoch_yr": NUMBER,
        **dict.fromkeys(("pmra_masyr", "pmdec_masyr", "mag", "gaia_mag", "teff_k"), MAYBE_NUMBER),
    },
}
CATALOG_NAME: Schema = {"enum": [*Catalog]}

PICID = Parameter(
    "picid",
    "Number of a star: its TIC id, its Gaia DR3 id, or minus its HIP number.",
    ID,
)
CATALOG = Parameter(
    "catalog", "What numbers the star so; without it, the first that has the number.", CATALOG_NAME
)
SOURCE_CURSOR = Parameter(
    "cursor",
    "`next` of the page before.",
    {"type": "string", "pattern": "^[0-9]{1,9}$"},
)
RADIUS = Parameter(
    "radius",
    "How far from the place it may be, degrees; with `ra` and `dec` only.",
    {"type": "number", "minimum": 0, "maximum": MAX_RADIUS_DEG},
)
SOURCE_QUERY = (
    Parameter(
        "min_snr",
        "Only sources of at least this signal to noise.",
        {"type": "number", "minimum": 0, "maximum": MAX_SNR},
    ),
    Parameter("matched", "Only sources that are known stars.", {"type": "boolean"}),
    RA,
    DEC,
    RADIUS,
    SOURCE_CURSOR,
)


def limit(default: int, maximum: int) -> Parameter:
    """Return the parameter `limit` of a route."""
    bounds: Schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}
    return Parameter("limit", "How many there may be at once.", bounds)


def with_formats(response: ResponseSpec, formats: dict[str, str]) -> ResponseSpec:
    """Return that a route's table can be had as these, too: media types by the formats' names."""
    [written] = response.query
    choices = {**written.schema, "enum": [*written.schema["enum"], *formats]}
    return replace(
        response,
        content={**response.content, **{media: {} for media in formats.values()}},
        query=(replace(written, schema=choices),),
    )


def _of_star(table: Table, **more: Schema) -> ResponseSpec:
    star = {"picid": ID, "catalog": CATALOG_NAME, "url": TEXT}
    return listing(table, **star, **more)


SOURCES = listing(tables.SOURCES, image_id=TEXT, total=COUNT, next=MAYBE_TEXT)
STAR = table_spec(
    tables.VISITS,
    record(
        picid=ID,
        url=TEXT,
        ra_deg=MAYBE_NUMBER,
        dec_deg=MAYBE_NUMBER,
        catalog=CATALOG_ENTRY,
        n_visits=COUNT,
        n_sequences=COUNT,
        first_time=MAYBE_TIME,
        last_time=MAYBE_TIME,
        visits=list_of(row_of(tables.VISITS)),
        light_curves=list_of(OBJECT),
        candidates=list_of(row_of(CANDIDATES)),
    ),
    CANDIDATES,
)
STAMPS = with_formats(_of_star(tables.STAMPS, next=MAYBE_TEXT), {FITS: MEDIA_TYPE})
LIGHT_CURVE = _of_star(
    tables.LIGHT_CURVE,
    method=TEXT,
    aperture=OBJECT,
    comparison=list_of(ID),
    sequences=list_of(
        record(
            sequence_id=TEXT,
            n_frames=COUNT,
            comparison=list_of(record(picid=ID, url=TEXT)),
            scatter=record(**{colour: {"type": ["number", "null"]} for colour in COLOURS}),
        )
    ),
    total=COUNT,
)
SOURCE_LIMIT = limit(DEFAULT_SOURCES, MAX_SOURCES)
FRAME_LIMIT = limit(MAX_FRAMES, MAX_FRAMES)
VISIT_LIMIT = limit(DEFAULT_VISITS, 500)
