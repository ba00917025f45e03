"""Routes of the Virtual Observatory's services; their errors are VOTables.

By DALI, requests may be GET or POST of a form.
"""

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from observations_data.database import read
from observations_data.open_api import FORM, ResponseSpec, Schema, described
from observations_data.virtual_observatory import (
    cone_search,
    datalink,
    image_access,
    moc_routes,
    support_interfaces,
    votable_response,
)
from observations_data.virtual_observatory import route_parameters as parameters
from observations_data.virtual_observatory.dali import MAX_VALUES, MAXREC_LIMIT, Query, UsageFault
from observations_data.virtual_observatory.obscore_table import OBSCORE
from observations_data.virtual_observatory.route_parameters import HEADING
from panoptes_network.errors import TransientError
from panoptes_network.web.retry_after import with_retry_after

MAX_LINKS_BYTES = 100 * MAXREC_LIMIT
"""Size of a form that requests the links of all rows of an SIA response."""
IDS = "obs_publisher_did"
"""The column with the ids for DataLink."""
METHODS = ["GET", "POST"]
CATALOG = f"<any({', '.join(cone_search.CATALOGS)}):catalog>"
SERVICE = f"<any({', '.join(support_interfaces.SERVICES)}):service>"
FAULT: dict[str, Schema] = {votable_response.MEDIA_TYPE: {}}
VOTABLE = ResponseSpec(
    {votable_response.MEDIA_TYPE: {}}, "A VOTable with rows, or with an error.", refused=FAULT
)
LINKS = ResponseSpec(
    {votable_response.LINKS_MEDIA_TYPE: {}}, "A VOTable with links.", refused=FAULT
)
XML = ResponseSpec({"text/xml": {}}, "A document of VOSI 1.1.", refused=FAULT)

cone_searches = Blueprint("cone_searches", __name__, url_prefix="/vo/scs")
services = Blueprint("virtual_observatory", __name__, url_prefix="/vo")


@cone_searches.get(f"/{CATALOG}")
@described(HEADING, VOTABLE, path=(parameters.CATALOG,), query=parameters.CONE_SEARCH)
def search_cone(catalog: str) -> Response:
    """Search sources, or images by their centres, around a position: Simple Cone Search 1.03."""
    search = cone_search.ConeSearch.parse(_query())
    searched = cone_search.CATALOGS[catalog]
    rows = read(cone_search.found, searched, search)
    is_described = catalog == cone_search.IMAGES.name and search.verbosity > 1
    table = searched.table(search.verbosity)
    links = IDS if is_described else None
    return votable_response.results(table, rows, maxrec=search.maxrec, links=links)


@services.route("/sia/query", methods=METHODS)
@described(
    HEADING,
    VOTABLE,
    query=parameters.IMAGE_ACCESS,
    body=parameters.IMAGE_ACCESS,
    body_types=(FORM,),
    problems=(400, 413),
)
def find_images() -> Response:
    """Search frames by position and other properties: Simple Image Access 2.0, rows of ObsCore."""
    query = _query()
    query.require_votable()
    found = read(image_access.frames, query)
    return votable_response.results(
        OBSCORE, found["rows"], maxrec=query.maxrec, is_cut=found["is_cut"], links=IDS
    )


@services.route("/datalink/links", methods=METHODS)
@described(
    HEADING,
    LINKS,
    query=parameters.LINKS,
    body=parameters.LINKS,
    body_types=(FORM,),
    problems=(400, 413),
)
def links() -> Response:
    """List all files of images, with descriptions: DataLink 1.1."""
    # pyvo requests everything it found at once, and then again the truncated part.
    request.max_form_memory_size = MAX_LINKS_BYTES
    query = _query(max_values=MAXREC_LIMIT)
    query.require_votable()
    found = read(datalink.links, query)
    return votable_response.results(
        datalink.LINKS,
        found["rows"],
        is_cut=found["is_cut"],
        infos={"standardID": votable_response.LINKS_STANDARD},
        media_type=votable_response.LINKS_MEDIA_TYPE,
    )


@services.get(f"/{SERVICE}/capabilities")
@described(HEADING, XML, path=(parameters.SERVICE,))
def capabilities(service: str) -> Response:
    """Get the capabilities of a service: VOSI 1.1."""
    return support_interfaces.capabilities(service)


@services.get(f"/{SERVICE}/availability")
@described(HEADING, XML, path=(parameters.SERVICE,))
def availability(service: str) -> Response:  # noqa: ARG001 - all need the same
    """Get the availability of a service: VOSI 1.1."""
    return support_interfaces.availability()


@services.get(f"/{SERVICE}/tables")
@described(HEADING, XML, path=(parameters.SERVICE,))
def tables(service: str) -> Response:
    """List the tables of a service and their columns: VOSI 1.1."""
    return support_interfaces.tables(service)


@services.get(f"/{SERVICE}/tables/<table>")
@described(HEADING, XML, path=(parameters.SERVICE, parameters.TABLE))
def table(service: str, table: str) -> Response:
    """List the columns of one of a service's tables: VOSI 1.1."""
    return support_interfaces.table(service, table)


def _query(max_values: int = MAX_VALUES) -> Query:
    pairs = ((name, value) for name, values in request.values.lists() for value in values)
    return Query.read(pairs, max_values)


def _cone_search_refused(error: UsageFault) -> Response:
    return votable_response.cone_search_error(str(error))


def _refused(error: UsageFault) -> Response:
    return votable_response.fault(f"UsageFault: {error}", 400)


def _away(error: TransientError) -> Response:
    return with_retry_after(votable_response.fault(f"TransientFault: {error}", 503))


def _failed(error: HTTPException) -> Response:
    response = votable_response.fault(f"DefaultFault: {error.description}", error.code or 500)
    response.headers.extend(h for h in error.get_headers() if h[0] != "Content-Type")
    return response


cone_searches.register_error_handler(UsageFault, _cone_search_refused)
services.register_error_handler(UsageFault, _refused)
for blueprint in (cone_searches, services):
    blueprint.register_error_handler(TransientError, _away)
    blueprint.register_error_handler(HTTPException, _failed)

BLUEPRINTS = (cone_searches, services, moc_routes.api)
FORM_QUERIES = frozenset({f"{services.name}.{view.__name__}" for view in (find_images, links)})
"""Endpoints that accept a posted form, as required by DALI; they only read."""
