"""Parameters and responses of the routes of sources and stars, for the OpenAPI document."""

from observations_data.candidates.tables import CANDIDATES
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
    Schema,
    list_of,
    listing,
    record,
    row_of,
    table_spec,
)
from observations_data.stars import tables
from observations_data.stars.parameters import (
    DEFAULT_SOURCES,
    DEFAULT_VISITS,
    MAX_SNR,
    MAX_SOURCES,
    Catalog,
)
from observations_data.stars.schemas import RADIUS, limit

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

SOURCE_CURSOR = Parameter(
    "cursor",
    "`next` of the previous page.",
    {"type": "string", "pattern": "^[0-9]{1,9}$"},
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
SOURCE_LIMIT = limit(DEFAULT_SOURCES, MAX_SOURCES)
VISIT_LIMIT = limit(DEFAULT_VISITS, 500)
