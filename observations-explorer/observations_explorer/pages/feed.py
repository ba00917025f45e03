"""The Atom feed of a unit (RFC 4287): an entry for each finished night, and when it went silent."""

import re
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from flask import Response
from markupsafe import escape

from observations_explorer.data_service import fetch
from panoptes_network.responses.units import Notice, NoticeList
from panoptes_network.web.public_url import absolute

MEDIA_TYPE = "application/atom+xml"
ATOM = "http://www.w3.org/2005/Atom"
BEFORE_ANY = datetime(2010, 1, 1, tzinfo=UTC)
"""When the feed of a unit without notices was last changed: before there was a PANOPTES."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot contain."""


def feed(unit_id: str) -> Response:
    """Return the feed of a unit: its newest notices."""
    found = fetch(NoticeList, f"/units/{quote(unit_id)}/notices")
    unit_id, notices = found["unit_id"], found["items"]
    updated = max((_time(notice) for notice in notices), default=BEFORE_ANY)
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _add(root, "id", _id(unit_id))
    _add(root, "title", f"{unit_id}: nights")
    _add(root, "subtitle", "Each finished night of this unit, with its problems.")
    _add(root, "updated", _written(updated))
    _add(_add(root, "author"), "name", "PANOPTES Network")
    path = f"/units/{unit_id}"
    _add(root, "link", rel="self", type=MEDIA_TYPE, href=absolute(f"{path}/feed.atom"))
    _add(root, "link", rel="alternate", type="text/html", href=absolute(path))
    for notice in notices:
        _add_entry(root, unit_id, notice)
    response = Response(
        ET.tostring(root, encoding="utf-8", xml_declaration=True), mimetype=MEDIA_TYPE
    )
    response.last_modified = updated
    return response


def _add_entry(root: ET.Element, unit_id: str, notice: Notice) -> None:
    night = notice["night"]
    entry = _add(root, "entry")
    _add(entry, "id", _id(unit_id, night, notice["kind"]))
    _add(entry, "title", notice["title"])
    _add(entry, "updated", _written(_time(notice)))
    _add(entry, "published", _written(_time(notice)))
    address = absolute(f"/units/{unit_id}/nights/{night}")
    _add(entry, "link", rel="alternate", type="text/html", href=address)
    _add(entry, "category", term=notice["kind"])
    _add(entry, "content", _content(notice), type="html")


def _content(notice: Notice) -> str:
    """Return the findings as HTML, which readers of feeds show."""
    found = [
        f"<li><b>{escape(finding['what'])}</b> {escape(finding['action'])}</li>"
        for finding in notice["findings"]
    ]
    if found:
        return f"<ul>{''.join(found)}</ul>"
    return "<p>All files were processed as expected, without gaps or trends.</p>"


def _add(parent: ET.Element, name: str, words: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    element.text = None if words is None else _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", words)
    return element


def _id(unit_id: str, *parts: str) -> str:
    """Return an id that never changes, whatever the address of the pages."""
    name = "/".join((unit_id, *parts))
    return uuid5(NAMESPACE_URL, f"https://projectpanoptes.org/network/{name}").urn


def _time(notice: Notice) -> datetime:
    return datetime.fromisoformat(notice["time"])


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
