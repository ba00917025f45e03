"""VO Support Interfaces 1.1: what a service can do, and whether it can do it now."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from flask import Response

from network_state import readiness as service_state
from panoptes_network.errors import TransientError
from public_address import absolute
from virtual_observatory.cone_search import CATALOGS, TESTED_CONE
from virtual_observatory.documents import LINKS_PATH, LINKS_STANDARD
from virtual_observatory.parameters import MOST_MAXREC

CAPABILITIES = "http://www.ivoa.net/xml/VOSICapabilities/v1.0"
AVAILABILITY = "http://www.ivoa.net/xml/VOSIAvailability/v1.0"
DATA_SERVICE = "http://www.ivoa.net/xml/VODataService/v1.1"
CONE_SEARCH = "http://www.ivoa.net/xml/ConeSearch/v1.0"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES = {
    "vosi": CAPABILITIES,
    "avail": AVAILABILITY,
    "vs": DATA_SERVICE,
    "cs": CONE_SEARCH,
    "xsi": INSTANCE,
}
CONE_SEARCH_STANDARD = "ivo://ivoa.net/std/ConeSearch"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a standard's query is asked for, and of which version it is."""

    standard: str
    path: str
    version: str


SERVICES = {
    "scs": tuple(Endpoint(CONE_SEARCH_STANDARD, f"/vo/scs/{name}", "1.03") for name in CATALOGS),
    "sia": (Endpoint("ivo://ivoa.net/std/SIA#query-2.0", "/vo/sia/query", "2.0"),),
    "datalink": (Endpoint(LINKS_STANDARD, LINKS_PATH, "1.1"),),
}
"""The services by the names that their addresses have."""


def capabilities(service: str) -> Response:
    """Answer what a service can do."""
    document = _root(CAPABILITIES, "capabilities", "vs", "cs")
    for what in ("capabilities", "availability"):
        standard = f"ivo://ivoa.net/std/VOSI#{what}"
        _add_capability(document, Endpoint(standard, f"/vo/{service}/{what}", "1.1"), "full")
    for endpoint in SERVICES[service]:
        capability = _add_capability(document, endpoint, "base")
        if endpoint.standard == CONE_SEARCH_STANDARD:
            _describe_cone_search(capability)
    return _written(document)


def availability() -> Response:
    """Answer whether the database and the storage are there: 200 in either case."""
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
    said = {"maxSR": "180", "maxRecords": str(MOST_MAXREC), "verbosity": "true"}
    for name, value in said.items():
        SubElement(capability, name).text = value
    test = SubElement(capability, "testQuery")
    for name, number in TESTED_CONE.items():
        SubElement(test, name).text = str(number)


def _written(document: Element) -> Response:
    body = tostring(document, encoding="utf-8", xml_declaration=True)
    return Response(body, mimetype="text/xml")
