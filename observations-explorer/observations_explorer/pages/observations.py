"""Content of the pages of observations, fetched from observations-data."""

from collections.abc import Mapping

from werkzeug.exceptions import BadRequest

from observations_explorer.data_service import fetch
from observations_explorer.form_errors import in_labels
from observations_explorer.maps import list_map
from observations_explorer.pages.content import Content
from observations_explorer.pages.observation_filters import COMMON, FORM_FIELDS, Search
from observations_explorer.pages.search import near_matches
from panoptes_network.config import settings
from panoptes_network.responses.observations import ObservationPage

PAGE_LENGTH = 50


def observations(parameters: Mapping[str, str]) -> Content:
    """Return the content of the observations page, for the search in its URL.

    `fault` is the error in the search; the page then shows its form and no observations. If a name
    is unknown, `near` are names that are spelled like it.
    """
    search = Search.parse(parameters)
    found: ObservationPage = {"items": [], "total": 0, "next": None, "sort": "", "order": ""}
    fault: str | None = None
    near: list[str] = []
    asked = {**search.asked, "facets": "true", "limit": str(PAGE_LENGTH)}
    try:
        found = fetch(ObservationPage, "/observations", **asked)
    except BadRequest as error:
        fault = in_labels(error.description, FORM_FIELDS)
        near = near_matches(search.filters.get("near", ""))
    centre = found.get("centre")
    return {
        "observations": found["items"],
        "total": found["total"],
        "centre": centre,
        "distances": [list_map.distance_deg(one, centre) for one in found["items"] if centre],
        "common": COMMON,
        "fault": fault,
        "near": near,
        "search": search,
        "facets": search.facets(found.get("facets", {})),
        "map": list_map.list_map(found["items"], centre),
        "following": search.following(found["next"]) if found["next"] else None,
        "raw_bucket": settings().raw_bucket,
    }
