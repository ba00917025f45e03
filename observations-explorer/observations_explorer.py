"""What the pages of observations show, fetched from observations-data."""

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from urllib.parse import urlencode

from werkzeug.exceptions import NotFound

import sequence_plots
from data_service import Json, fetch
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError
from panoptes_network.ids import CameraTime

PAGE_LENGTH = 50


def observations(parameters: Mapping[str, str]) -> Json:
    """Return what the page of observations shows, for the search in its address."""
    search = {name: parameters.get(name, "") for name in ("unit", "field")}
    found = fetch(
        "/observations", **search, cursor=parameters.get("cursor", ""), limit=str(PAGE_LENGTH)
    )
    following = urlencode({**search, "cursor": found["next"]}) if found["next"] else None
    return {
        "observations": found["items"],
        "total": found["total"],
        "search": search,
        "is_first": not parameters.get("cursor"),
        "first_page": urlencode(search),
        "following_page": following,
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
