"""Responses of the routes of observations and images, for the OpenAPI document."""

from dataclasses import replace
from datetime import datetime

from observations_data.http.file_stream import MEDIA_TYPES, UNKNOWN_TYPE
from observations_data.observations.search.pagination import Sort
from observations_data.observations.tables import EVENTS, IMAGES
from observations_data.observations.tables import OBSERVATIONS as OBSERVATION_TABLE
from observations_data.open_api import (
    COUNT,
    MAYBE_TEXT,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    Schema,
    file_spec,
    json_spec,
    list_of,
    record,
    row_of,
    schema_of,
    table_spec,
    with_optional,
)
from observations_data.pagination import Direction
from observations_data.units.night import UnitNight


def _files(file: Schema) -> Schema:
    return {"type": "object", "additionalProperties": file}


_FILE = record(path=TEXT, name=TEXT, bucket=TEXT, url=TEXT)
_COUNTS = list_of(record(value=TEXT, count=COUNT))
_CENTRE = record(ra_deg=NUMBER, dec_deg=NUMBER, name=MAYBE_TEXT, radius_deg=NUMBER)
_PAGE = record(
    items=list_of(row_of(OBSERVATION_TABLE)),
    total=COUNT,
    next=MAYBE_TEXT,
    sort={"enum": [*Sort]},
    order={"enum": [*Direction]},
)

STATUS = json_spec("The service is healthy.", record(status=TEXT))
OBSERVATIONS = table_spec(
    OBSERVATION_TABLE,
    with_optional(_PAGE, centre=_CENTRE, facets={"additionalProperties": _COUNTS}),
)
OBSERVATIONS_CSV = file_spec("One row per observation.", "text/csv")
OBSERVATION = table_spec(
    IMAGES,
    {
        "allOf": [
            row_of(OBSERVATION_TABLE),
            record(
                images=list_of(row_of(IMAGES)),
                files=_files(list_of(_FILE)),
                light_curves=_files(_FILE),
                fact_changes=list_of(OBJECT),
            ),
        ]
    },
    OBSERVATION_TABLE,
)
IMAGES_OR_OBSERVATIONS = table_spec(
    IMAGES,
    record(items=list_of({"anyOf": [row_of(IMAGES), row_of(OBSERVATION_TABLE)]}), total=COUNT),
    OBSERVATION_TABLE,
)
IMAGE = json_spec(
    "The image.",
    record(
        image_id=TEXT,
        sequence_id=TEXT,
        time=TIME,
        state=TEXT,
        files=_files(_FILE),
        headers=OBJECT,
        contradictions=OBJECT,
        header_findings=OBJECT,
        events=list_of(row_of(EVENTS)),
        sequence=OBJECT,
        previous_image=MAYBE_TEXT,
        next_image=MAYBE_TEXT,
        wcs={"type": ["object", "null"], "description": "cards of the plate solution"},
    ),
    EVENTS,
)
NIGHT = json_spec("The report of the night.", schema_of(UnitNight[datetime]))
METRICS = file_spec("OpenMetrics.", "application/openmetrics-text")
ROBOTS = file_spec("A robots.txt (RFC 9309).", "text/plain")
SECURITY = file_spec("A security.txt (RFC 9116).", "text/plain")
FILE_LIST = file_spec("One URL per line.", "text/plain")
FILE = replace(
    file_spec("The file.", *sorted({*MEDIA_TYPES.values(), UNKNOWN_TYPE})), has_ranges=True
)
