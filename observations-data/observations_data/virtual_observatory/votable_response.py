"""VOTable responses: rows, no rows, and errors (DALI 1.1)."""

from functools import lru_cache
from typing import TYPE_CHECKING

from flask import Response

from observations_data.data_tables import Row, Table, votable, votable_bytes, with_rows
from observations_data.data_tables.votable_format import TABLE_END, VERSION, xml_text
from panoptes_network.web.public_url import absolute

if TYPE_CHECKING:
    from astropy.io.votable.tree import Resource, VOTableFile

MEDIA_TYPE = "application/x-votable+xml"
LINKS_MEDIA_TYPE = "application/x-votable+xml;content=datalink"
LINKS_STANDARD = "ivo://ivoa.net/std/DataLink#links-1.1"
MAX_DOCUMENTS = 64
"""Cached documents without rows: astropy takes longer for one than for a page of rows."""
LINKS_PATH = "/vo/datalink/links"
_OVERFLOW = b'<INFO name="QUERY_STATUS" value="OVERFLOW"/>'


def results(
    table: Table,
    rows: list[Row],
    *,
    maxrec: int | None = None,
    is_cut: bool = False,
    links: str | None = None,
    infos: dict[str, str] | None = None,
    media_type: str = MEDIA_TYPE,
) -> Response:
    """Respond with a table of rows.

    Parameters
    ----------
    rows : list of dict
        One more than `maxrec` if there are more: the response omits it and reports an overflow. A
        `maxrec` of 0 requests only the columns.
    is_cut : bool
        Whether there may be more rows.
    links : str
        The column with ids for DataLink; the response describes that service.
    """
    said = {"QUERY_STATUS": "OK", **(infos or {})}
    service = (links, absolute(LINKS_PATH)) if links else None
    body = with_rows(_without_rows(table, tuple(said.items()), service), table, rows[:maxrec])
    if is_cut or (maxrec and len(rows) > maxrec):
        # After the table, where astropy writes nothing.
        body = body.replace(TABLE_END, TABLE_END + _OVERFLOW)
    return Response(body, content_type=media_type)


@lru_cache(MAX_DOCUMENTS)
def _without_rows(
    table: Table, infos: tuple[tuple[str, str], ...], service: tuple[str, str] | None
) -> bytes:
    document = votable(table, dict(infos))
    if service:
        document.resources.append(_links_service(*service))
    return votable_bytes(document)


def fault(message: str, status: int) -> Response:
    """Respond with an error: ``UsageFault: …`` and the like."""
    from astropy.io.votable import tree  # noqa: PLC0415 - only who asks for a VOTable waits

    document = tree.VOTableFile(version=VERSION)
    resource = tree.Resource(type="results")
    info = tree.Info(name="QUERY_STATUS", value="ERROR")
    info.content = xml_text(message)
    resource.infos.append(info)
    document.resources.append(resource)
    return _written(document, status)


def cone_search_error(message: str) -> Response:
    """Respond as in Simple Cone Search 1.03 (erratum 3): an INFO of the document, and 200."""
    from astropy.io.votable import tree  # noqa: PLC0415 - see above

    document = tree.VOTableFile(version=VERSION)
    document.infos.append(tree.Info(ID="Error", name="Error", value=xml_text(message)))
    document.resources.append(tree.Resource())
    return _written(document, 200)


def _links_service(column: str, address: str) -> "Resource":
    """Return the description of the DataLink service for the ids in a column of the results."""
    from astropy.io.votable import tree  # noqa: PLC0415 - see above

    service = tree.Resource(name="DataLink", type="meta", utype="adhoc:service")
    service.description = "All files of the image: frames, pictures, camera raw file."
    said = {"standardID": LINKS_STANDARD, "accessURL": address}
    table = tree.VOTableFile(version=VERSION)
    for name, value in {**said, "contentType": LINKS_MEDIA_TYPE}.items():
        service.params.append(
            tree.Param(table, name=name, datatype="char", arraysize="*", value=value)
        )
    inputs = tree.Group(table, name="inputParams")
    inputs.entries.append(
        tree.Param(table, name="ID", datatype="char", arraysize="*", value="", ref=column)
    )
    service.groups.append(inputs)
    return service


def _written(document: "VOTableFile", status: int) -> Response:
    return Response(votable_bytes(document), status=status, content_type=MEDIA_TYPE)
