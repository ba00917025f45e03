"""Parameters and responses of the routes of sources and stars, for the OpenAPI document."""

from observations_data.candidates.tables import CANDIDATES
from observations_data.observations.parameters import DEC, RA
from observations_data.open_api import Parameter, listing, schema_of, table_spec
from observations_data.stars import tables
from observations_data.stars.parameters import (
    DEFAULT_SOURCES,
    DEFAULT_VISITS,
    MAX_SNR,
    MAX_SOURCES,
)
from observations_data.stars.schemas import RADIUS, limit
from panoptes_network.responses.stars import SourcePage, Star

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

SOURCES = listing(SourcePage, tables.SOURCES)
STAR = table_spec(tables.VISITS, schema_of(Star, tables.VISITS, CANDIDATES), CANDIDATES)
SOURCE_LIMIT = limit(DEFAULT_SOURCES, MAX_SOURCES)
VISIT_LIMIT = limit(DEFAULT_VISITS, 500)
