"""What the pages of observations show, fetched from observations-data."""

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter

from werkzeug.exceptions import BadRequest, NotFound

import list_map
import sequence_plots
from data_service import Json, fetch
from observation_filters import COMMON, Search
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError
from panoptes_network.ids import CameraTime

PAGE_LENGTH = 50


def observations(parameters: Mapping[str, str]) -> Json:
    """Return what the page of observations shows, for the search in its address.

    `fault` says what is wrong with the search; the page then shows its form and no observations.
    """
    search = Search.parse(parameters)
    nothing: Json = {"items": [], "total": 0, "next": None, "facets": {}}
    fault = None
    try:
        found = fetch("/observations", **search.asked, facets="true", limit=str(PAGE_LENGTH))
    except BadRequest as error:
        found, fault = nothing, error.description
    centre = found.get("centre")
    return {
        "observations": found["items"],
        "total": found["total"],
        "centre": centre,
        "distances": [list_map.distance_deg(one, centre) for one in found["items"] if centre],
        "common": COMMON,
        "fault": fault,
        "search": search,
        "facets": search.facets(found["facets"]),
        "map": list_map.list_map(found["items"], centre),
        "following": search.following(found["next"]) if found["next"] else None,
        "raw_bucket": settings().raw_bucket,
    }


def observation(sequence_id: str) -> Json:
    """Return what the page of one observation shows.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        NotFound where there is no such observation; see also `fetch`.
    """
    try:
        checked_id = CameraTime.parse(sequence_id)
    except PermanentError as error:
        raise NotFound(error.message) from error
    found = fetch(f"/observations/{checked_id}")
    events = fetch(f"/observations/{checked_id}/events")["items"]
    by_image = sorted(events, key=itemgetter("image_id"))
    return {
        "observation": found,
        "history": {key: list(rows) for key, rows in groupby(by_image, itemgetter("image_id"))},
        "plots": sequence_plots.plots(found["images"]),
        "poster": _poster(found["files"]),
    }


def _poster(files: dict[str, list[Json]]) -> Json | None:
    """Return what a film shows before it plays: the first picture, large if there is one."""
    pictures = files.get("picture") or files.get("thumbnail")
    return pictures[0] if pictures else None
