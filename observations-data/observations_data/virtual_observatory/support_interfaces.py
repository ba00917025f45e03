"""VO Support Interfaces 1.1: a service's capabilities, availability and tables."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from flask import Response
from werkzeug.exceptions import NotFound

from observations_data import readiness as service_state
from observations_data.data_tables import Column, Table
from observations_data.data_tables.votable_format import field_type
from observations_data.virtual_observatory.cone_search import CATALOGS, MAX_VERBOSITY, TESTED_CONE
from observations_data.virtual_observatory.dali import MAXREC_LIMIT
from observations_data.virtual_observatory.datalink import LINKS
from observations_data.virtual_observatory.obscore_table import OBSCORE
from observations_data.virtual_observatory.votable_response import LINKS_PATH, LINKS_STANDARD
from panoptes_network.errors import TransientError
from panoptes_network.web.public_url import absolute

CAPABILITIES = "http://www.ivoa.net/xml/VOSICapabilities/v1.0"
AVAILABILITY = "http://www.ivoa.net/xml/VOSIAvailability/v1.0"
TABLE_SET = "http://www.ivoa.net/xml/VOSITables/v1.0"
DATA_SERVICE = "http://www.ivoa.net/xml/VODataService/v1.1"
CONE_SEARCH = "http://www.ivoa.net/xml/ConeSearch/v1.0"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES = {
    "vosi": CAPABILITIES,
    "avail": AVAILABILITY,
    "vtm": TABLE_SET,
    "vs": DATA_SERVICE,
    "cs": CONE_SEARCH,
    "xsi": INSTANCE,
}
VOSI = "ivo://ivoa.net/std/VOSI"
STANDARDS = {
    "capabilities": f"{VOSI}#capabilities",
    "availability": f"{VOSI}#availability",
    "tables": f"{VOSI}#tables-1.1",
}
"""The interfaces of each service, by the ends of their URLs."""
CONE_SEARCH_STANDARD = "ivo://ivoa.net/std/ConeSearch"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Path and version of a standard's query."""

    standard: str
    path: str
    version: str


SERVICES = {
    "scs": tuple(Endpoint(CONE_SEARCH_STANDARD, f"/vo/scs/{name}", "1.03") for name in CATALOGS),
    "sia": (Endpoint("ivo://ivoa.net/std/SIA#query-2.0", "/vo/sia/query", "2.0"),),
    "datalink": (Endpoint(LINKS_STANDARD, LINKS_PATH, "1.1"),),
}
"""The services by their names in URLs."""
TABLES = {
    "scs": tuple(catalog.table(MAX_VERBOSITY) for catalog in CATALOGS.values()),
    "sia": (OBSCORE,),
    "datalink": (LINKS,),
}
"""The tables of each service."""


def capabilities(service: str) -> Response:
    """Respond with a service's capabilities."""
    document = _root(CAPABILITIES, "capabilities", "vs", "cs")
    for what, standard in STANDARDS.items():
        _add_capability(document, Endpoint(standard, f"/vo/{service}/{what}", "1.1"), "full")
    for endpoint in SERVICES[service]:
        capability = _add_capability(document, endpoint, "base")
        if endpoint.standard == CONE_SEARCH_STANDARD:
            _describe_cone_search(capability)
    return _written(document)


def availability() -> Response:
    """Respond with the availability of database and storage: 200 in either case."""
    document = _root(AVAILABILITY, "availability")
    try:
        service_state.require_ready()
        note = ""
    except TransientError as error:
        note = str(error)
    SubElement(document, f"{{{AVAILABILITY}}}available").text = "false" if note else "true"
    if note:
        SubElement(document, f"{{{AVAILABILITY}}}note").text = note
    return _written(document)


def tables(service: str) -> Response:
    """Respond with a service's tables and their columns."""
    document = _root(TABLE_SET, "tableset", "vs")
    schema = SubElement(document, "schema")
    SubElement(schema, "name").text = "default"
    for table in TABLES[service]:
        _describe_table(SubElement(schema, "table"), table)
    return _written(document)


def table(service: str, name: str) -> Response:
    """Respond with the columns of one of a service's tables.

    Raises
    ------
    NotFound
        If the service has no table of this name.
    """
    for known in TABLES[service]:
        if known.name == name:
            document = _root(TABLE_SET, "table", "vs")
            _describe_table(document, known)
            return _written(document)
    raise NotFound("there is no such table")


def _root(namespace: str, name: str, *mentioned: str) -> Element:
    """Return a document's root; `mentioned` prefixes occur only in values of xsi:type."""
    for prefix, known in PREFIXES.items():
        register_namespace(prefix, known)
    return Element(
        f"{{{namespace}}}{name}", {f"xmlns:{prefix}": PREFIXES[prefix] for prefix in mentioned}
    )


def _add_capability(document: Element, endpoint: Endpoint, use: str) -> Element:
    capability = SubElement(document, "capability", standardID=endpoint.standard)
    interface = SubElement(
        capability,
        "interface",
        {f"{{{INSTANCE}}}type": "vs:ParamHTTP", "role": "std", "version": endpoint.version},
    )
    SubElement(interface, "accessURL", use=use).text = absolute(endpoint.path)
    return capability


def _describe_cone_search(capability: Element) -> None:
    capability.set(f"{{{INSTANCE}}}type", "cs:ConeSearch")
    said = {"maxSR": "180", "maxRecords": str(MAXREC_LIMIT), "verbosity": "true"}
    for name, value in said.items():
        SubElement(capability, name).text = value
    test = SubElement(capability, "testQuery")
    for name, number in TESTED_CONE.items():
        SubElement(test, name).text = str(number)


def _describe_table(element: Element, table: Table) -> None:
    element.set("type", "output")
    for name in ("name", "description"):
        SubElement(element, name).text = getattr(table, name)
    for column in table.columns:
        _describe_column(SubElement(element, "column"), column)


def _describe_column(element: Element, column: Column) -> None:
    for name in ("name", "description", "unit", "ucd", "utype"):
        if text := getattr(column, name):
            SubElement(element, name).text = text
    field = field_type(column)
    data_type = SubElement(element, "dataType", {f"{{{INSTANCE}}}type": "vs:VOTableType"})
    data_type.text = field["datatype"]
    for name, attribute in {"arraysize": "arraysize", "extendedType": "xtype"}.items():
        if attribute in field:
            data_type.set(name, field[attribute])


def _written(document: Element) -> Response:
    body = tostring(document, encoding="utf-8", xml_declaration=True)
    return Response(body, mimetype="text/xml")
