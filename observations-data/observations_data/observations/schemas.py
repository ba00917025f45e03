"""Responses of the routes of observations and images, for the OpenAPI document."""

from dataclasses import replace
from datetime import datetime

from observations_data.http.file_stream import MEDIA_TYPES, UNKNOWN_TYPE
from observations_data.observations.search.pagination import Sort
from observations_data.observations.tables import EVENTS, IMAGES
from observations_data.observations.tables import OBSERVATIONS as OBSERVATION_TABLE
from observations_data.open_api import (
    COUNT,
    file_spec,
    json_spec,
    list_of,
    listing,
    record,
    row_of,
    schema_of,
    table_spec,
)
from observations_data.pagination import Direction
from panoptes_network.responses.highlights import Highlights
from panoptes_network.responses.network import Status
from panoptes_network.responses.observations import ObservationPage, ObservationParts, WholeImage
from panoptes_network.responses.units import NoticeList, SubscriptionLink, UnitNight

STATUS = json_spec("The service is healthy.", schema_of(Status))
OBSERVATIONS = listing(ObservationPage, OBSERVATION_TABLE, sort=Sort, order=Direction)
OBSERVATIONS_CSV = file_spec("One row per observation.", "text/csv")
OBSERVATION = table_spec(
    IMAGES,
    {"allOf": [row_of(OBSERVATION_TABLE), schema_of(ObservationParts, IMAGES)]},
    OBSERVATION_TABLE,
)
IMAGES_OR_OBSERVATIONS = table_spec(
    IMAGES,
    record(items=list_of({"anyOf": [row_of(IMAGES), row_of(OBSERVATION_TABLE)]}), total=COUNT),
    OBSERVATION_TABLE,
)
IMAGE = json_spec("The image.", schema_of(WholeImage, EVENTS), EVENTS)
HIGHLIGHTS = json_spec("Highlights of the network.", schema_of(Highlights))
NIGHT = json_spec("The report of the night.", schema_of(UnitNight[datetime]))
NOTICES = json_spec("The newest notices.", schema_of(NoticeList))
LINK = json_spec("The subscription of the link.", schema_of(SubscriptionLink))
METRICS = file_spec("OpenMetrics.", "application/openmetrics-text")
ROBOTS = file_spec("A robots.txt (RFC 9309).", "text/plain")
SECURITY = file_spec("A security.txt (RFC 9116).", "text/plain")
FILE_LIST = file_spec("One URL per line.", "text/plain")
FILE = replace(
    file_spec("The file.", *sorted({*MEDIA_TYPES.values(), UNKNOWN_TYPE})), has_ranges=True
)
