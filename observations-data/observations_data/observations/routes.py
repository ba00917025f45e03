"""Routes of observations, images, units, nights and files, and of the service's health."""

from collections.abc import Mapping

from flask import Blueprint, Response, request

from observations_data import files as file_rows
from observations_data import readiness as service_state
from observations_data.data_tables import table_response
from observations_data.database import read
from observations_data.http import file_stream, query_parameters
from observations_data.http.query_parameters import BadParameterError
from observations_data.observations import exports, parameters, queries, tables
from observations_data.observations import highlights as observation_highlights
from observations_data.observations import image as image_details
from observations_data.observations.schemas import (
    FILE,
    FILE_LIST,
    HIGHLIGHTS,
    IMAGE,
    IMAGES_OR_OBSERVATIONS,
    LINK,
    METRICS,
    NIGHT,
    NOTICES,
    OBSERVATION,
    OBSERVATIONS,
    OBSERVATIONS_CSV,
    ROBOTS,
    SECURITY,
    STATUS,
)
from observations_data.observations.search.query import Search
from observations_data.open_api import OPERATION, described, listing
from observations_data.open_api.parameter_names import posted
from observations_data.units import night as night_facts
from observations_data.units import notices as unit_notices
from observations_data.units import queries as unit_queries
from observations_data.units import subscriptions
from observations_data.units.parameters import NightSearch
from panoptes_network.ids import fold_id
from panoptes_network.responses.highlights import Highlights
from panoptes_network.responses.network import Status
from panoptes_network.responses.observations import EventList, WholeImage
from panoptes_network.responses.units import NightPage, NoticeList, SubscriptionLink, UnitList

api = Blueprint("observations", __name__)

UNITS = "Units and nights"
SEEN = "Observations and images"

COMMON = {
    "metrics": described(OPERATION, METRICS, problems=(401, 403)),
    "robots_txt": described(OPERATION, ROBOTS),
    "security_txt": described(OPERATION, SECURITY, problems=(404,)),
}
"""Descriptions of the routes that every web service has, by endpoint."""


@api.route("/", methods=["GET", "POST"])
@described(
    SEEN,
    IMAGES_OR_OBSERVATIONS,
    query=(parameters.SEQUENCE_ID, *parameters.SEARCH, *parameters.PAGE),
    body=(parameters.SEQUENCE_ID,),
    problems=(403, 413, 415),
)
def legacy_images() -> Response:
    """Legacy endpoint: list the images of one sequence, or the observations."""
    name = parameters.SEQUENCE_ID.name
    body = posted() if request.method == "POST" else {}
    Search.parse(request.args)
    if not isinstance(body.get(name, ""), str):
        raise BadParameterError(name, "text")
    given = [query_parameters.text(each, name) for each in (body, request.args)]
    wanted = next(filter(None, given), None)
    if wanted is None:
        return observations()
    found = read(queries.images_of, fold_id(wanted))
    return table_response(found, found["items"], tables.IMAGES)


@api.get("/health")
@described(OPERATION, STATUS)
def health() -> Status:
    """Check that this process is alive."""
    return {"status": "ok"}


@api.get("/ready")
@described(OPERATION, STATUS)
def ready() -> Status:
    """Check that the database and storage respond."""
    return service_state.require_ready()


@api.get("/units")
@described(UNITS, listing(UnitList, tables.UNITS))
def units() -> Response:
    """List the units."""
    found = read(unit_queries.units)
    return table_response(found, found["items"], tables.UNITS)


@api.get("/units/<unit_id>/nights")
@described(
    UNITS,
    listing(NightPage, tables.NIGHTS),
    path=(parameters.UNIT_ID,),
    query=(parameters.BEFORE_NIGHT, parameters.LIMIT),
)
def nights(unit_id: str) -> Response:
    """List a unit's nights with images, newest first."""
    found = read(unit_queries.nights, unit_id, NightSearch.parse(request.args))
    name = f"{found['unit']['unit_id']}_nights"
    page = parameters.BEFORE_NIGHT.name
    return table_response(found, found["items"], tables.NIGHTS, name=name, page=page)


@api.get("/units/<unit_id>/nights/<date>")
@described(UNITS, NIGHT, path=(parameters.UNIT_ID, parameters.NIGHT), problems=(400,))
def night(unit_id: str, date: str) -> Mapping[str, object]:
    """Get the report of a unit's night: arrivals, failures and advice."""
    return read(night_facts.night, unit_id, date)


@api.get("/units/<unit_id>/notices")
@described(UNITS, NOTICES, path=(parameters.UNIT_ID,))
def notices(unit_id: str) -> NoticeList:
    """List what a unit's owner was told, newest first: finished nights, and silence.

    The explorer has the same as an Atom feed, ``/units/PAN001/feed.atom``.
    """
    return read(unit_notices.notices, unit_id)


@api.route("/unsubscribe/<token>", methods=["GET", "POST"])
@described(UNITS, LINK, path=(parameters.TOKEN,), problems=(403, 413, 415))
def unsubscribe(token: str) -> SubscriptionLink:
    """Get the subscription of an unsubscribe link; POST with `{}` ends it."""
    if request.method == "POST":
        return subscriptions.end(token)
    return read(subscriptions.link, token)


@api.get("/highlights")
@described(SEEN, HIGHLIGHTS)
def highlights() -> Highlights:
    """Get the picture of the night, the newest films, and counts."""
    return read(observation_highlights.highlights)


@api.get("/observations")
@described(
    SEEN,
    OBSERVATIONS,
    query=(*parameters.SEARCH, *parameters.PAGE),
)
def observations() -> Response:
    """List observations, newest first.

    `total` counts all matches; `next` is the cursor of the next page. `centre` is included for
    searches around a position. `facets` are included on request: each counts the matches of all
    other filters, most frequent values first, at most 100.
    """
    found = read(queries.observations, Search.parse(request.args))
    return table_response(found, found["items"], tables.OBSERVATIONS)


@api.get("/observations.csv")
@described(SEEN, OBSERVATIONS_CSV, query=parameters.FILTERS, problems=(400,))
def observations_csv() -> Response:
    """Get all observations of a search as one CSV file, with panoptes-data's column names.

    It has at most 100 000 rows; the header X-Total-Count has the number of matches.
    """
    return exports.observations_csv(request.args)


@api.get("/observations/<sequence_id>")
@described(SEEN, OBSERVATION, path=(parameters.SEQUENCE_ID,))
def observation(sequence_id: str) -> Response:
    """Get an observation without its history; as a table, its images."""
    found = read(queries.observation, sequence_id)
    name = f"{found['sequence_id']}_images"
    return table_response(found, found["images"], tables.IMAGES, name=name)


@api.get("/observations/<sequence_id>/events")
@described(SEEN, listing(EventList, tables.EVENTS), path=(parameters.SEQUENCE_ID,))
def events(sequence_id: str) -> Response:
    """List the history of an observation's images, oldest first."""
    found = read(queries.events_of_sequence, sequence_id)
    return table_response(found, found["items"], tables.EVENTS)


@api.get("/observations/<sequence_id>/files.txt")
@described(
    SEEN,
    FILE_LIST,
    path=(parameters.SEQUENCE_ID,),
    query=(parameters.KIND,),
    problems=(400,),
)
def file_list(sequence_id: str) -> Response:
    """List the URLs of an observation's files, one per line, as for `wget -i`."""
    return exports.file_list(sequence_id)


@api.get("/images/<image_id>")
@described(SEEN, IMAGE, path=(parameters.IMAGE_ID,))
def image(image_id: str) -> WholeImage:
    """Get an image: measurements, files, header, history, plate solution, neighbours."""
    return image_details.image_with_solution(image_id)


@api.get("/files/<any(raw, processed):bucket>/<path:path>")
@described(SEEN, FILE, path=(parameters.BUCKET, parameters.PATH), problems=(412, 416))
def file(bucket: str, path: str) -> Response:
    """Get a file of an image or an observation, or a range of it."""
    read(file_rows.require_file, bucket, path)
    return file_stream.send(file_rows.bucket_names()[bucket], path)
