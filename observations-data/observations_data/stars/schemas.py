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
        "Catalog entry: position in ICRS degrees at the Julian year epoch_yr; proper"
        " motion in mas per year; magnitudes; temperature. Unknown values are null."
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
    "Id of a star: its TIC id, its Gaia DR3 id, or minus its HIP number.",
    ID,
)
CATALOG = Parameter(
    "catalog", "Catalog of the id; by default, the first one that has the id.", CATALOG_NAME
)
SOURCE_CURSOR = Parameter(
    "cursor",
    "`next` of the previous page.",
    {"type": "string", "pattern": "^[0-9]{1,9}$"},
)
RADIUS = Parameter(
    "radius",
    "Search radius, degrees; requires `ra` and `dec`.",
    {"type": "number", "minimum": 0, "maximum": MAX_RADIUS_DEG},
)
SOURCE_QUERY = (
    Parameter(
        "min_snr",
        "Minimum signal-to-noise ratio.",
        {"type": "number", "minimum": 0, "maximum": MAX_SNR},
    ),
    Parameter(
        "matched", "Whether to list only sources matched to catalog stars.", {"type": "boolean"}
    ),
    RA,
    DEC,
    RADIUS,
    SOURCE_CURSOR,
)


def limit(default: int, maximum: int) -> Parameter:
    """Return the parameter `limit` of a route."""
    bounds: Schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}
    return Parameter("limit", "Number of stamps per page.", bounds)


def with_formats(response: ResponseSpec, formats: dict[str, str]) -> ResponseSpec:
    """Return a table's response extended by these formats: media types by format name."""
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
