"""Content of the page of one observation, fetched from observations-data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from flask import url_for
from werkzeug.exceptions import BadRequest, NotFound

from observations_explorer.charts import sequence_plots
from observations_explorer.data_service import fetch
from observations_explorer.pages import observation_light_curves
from observations_explorer.pages.citation import cite
from observations_explorer.pages.content import Content
from panoptes_network.errors import PermanentError
from panoptes_network.ids import CameraTime, is_plausible
from panoptes_network.nights.advice import Advice, of_reason
from panoptes_network.nights.schema import StoredFile
from panoptes_network.responses.observations import (
    EventList,
    ListedImage,
    ObservationPage,
    WholeObservation,
)
from panoptes_network.responses.units import UnitList
from panoptes_network.states import FileKind
from panoptes_network.web.public_url import absolute

SAME_TIME = timedelta(minutes=10)
"""A unit's cameras start together, with small delays of their own."""
FILM = "film"


@dataclass(frozen=True, slots=True)
class Failure:
    """Images that failed for the same reason."""

    state: str
    reason_code: str
    advice: Advice
    images: list[ListedImage]


@dataclass(frozen=True, slots=True)
class OtherCamera:
    """Another camera's simultaneous observation, with a picture of each."""

    observation: WholeObservation
    own: ListedImage | None
    other: ListedImage | None


def observation(sequence_id: str) -> Content:
    """Return the content of the page of one observation.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        NotFound if the observation does not exist; see also `fetch`.
    """
    found = _fetch_observation(sequence_id)
    events = fetch(EventList, f"/observations/{found['sequence_id']}/events")["items"]
    address = absolute(url_for("pages.observation", sequence_id=found["sequence_id"]))
    by_image = sorted(events, key=itemgetter("image_id"))
    return {
        "observation": found,
        "history": {key: list(rows) for key, rows in groupby(by_image, itemgetter("image_id"))},
        "plots": sequence_plots.plots(found["images"]),
        "light_curves": observation_light_curves.light_curves(found),
        "poster": _poster(found["files"]),
        "failures": failures(found["images"]),
        "other_camera": _other_camera(found),
        "n_files": {kind: len(files) for kind, files in _files(found).items() if files},
        "citation": cite(found, _unit_name(found["unit_id"]), address, datetime.now(UTC).date()),
    }


def file_list(sequence_id: str, parameters: Mapping[str, str]) -> str:
    """Return the URLs of an observation's files, one per line, of one ``kind`` or all.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        BadRequest for a kind without files; else as `observation`.
    """
    files = _files(_fetch_observation(sequence_id))
    kind = parameters.get("kind")
    if kind and kind not in files:
        raise BadRequest(f"kind must be one of {', '.join(files)}")
    wanted = [files[kind]] if kind else files.values()
    return "".join(f"{absolute(file['url'])}\n" for some in wanted for file in some)


def failures(images: list[ListedImage]) -> list[Failure]:
    """Return the images that have a reason, grouped, the largest group first."""
    told = [image for image in images if image["reason_code"]]
    key = itemgetter("state", "reason_code")
    groups = [
        Failure(state, code, of_reason(code), list(some))
        for (state, code), some in groupby(sorted(told, key=key), key)
    ]
    return sorted(groups, key=lambda group: len(group.images), reverse=True)


def _fetch_observation(sequence_id: str) -> WholeObservation:
    try:
        checked_id = CameraTime.parse(sequence_id)
    except PermanentError as error:
        raise NotFound(error.message) from error
    return fetch(WholeObservation, f"/observations/{checked_id}")


def _files(found: WholeObservation) -> dict[str, list[StoredFile]]:
    return {**found["files"], FILM: [found["film"]] if found["film"] else []}


def _poster(files: dict[str, list[StoredFile]]) -> StoredFile | None:
    """Return a film's poster: the first picture, as wide as the page shows it if available."""
    kinds = FileKind.PREVIEW, FileKind.PICTURE, FileKind.THUMBNAIL
    pictures = next((files[kind] for kind in kinds if files.get(kind)), None)
    return pictures[0] if pictures else None


def _unit_name(unit_id: str) -> str | None:
    names = {unit["unit_id"]: unit["name"] for unit in fetch(UnitList, "/units")["items"]}
    return names.get(unit_id)


def _other_camera(found: WholeObservation) -> OtherCamera | None:
    """Return another camera's simultaneous observation; None if there is none."""
    start = datetime.fromisoformat(found["start_time"])
    if not is_plausible(start):
        return None
    days = ((start + sign * SAME_TIME).astimezone(UTC).date().isoformat() for sign in (-1, 1))
    after, before = days
    asked = {"unit": found["unit_id"], "after": after, "before": before, "limit": "200"}
    near = fetch(ObservationPage, "/observations", **asked)
    apart = {
        one["sequence_id"]: abs(datetime.fromisoformat(one["start_time"]) - start)
        for one in near["items"]
        if one["camera_id"] != found["camera_id"]
    }
    nearest = min(apart, key=lambda one: apart[one], default=None)
    if nearest is None or apart[nearest] > SAME_TIME:
        return None
    other = fetch(WholeObservation, f"/observations/{nearest}")
    return OtherCamera(other, *_pair(_pictured(found), _pictured(other)))


def _pictured(found: WholeObservation) -> list[ListedImage]:
    return [image for image in found["images"] if image["files"].get(FileKind.THUMBNAIL)]


def _pair(
    own: list[ListedImage], other: list[ListedImage]
) -> tuple[ListedImage | None, ListedImage | None]:
    """Return the middle one of this camera's pictures, and the other camera's nearest in time."""
    middle = own[len(own) // 2] if own else None
    at = datetime.fromisoformat((middle or other[0])["time"]) if middle or other else None
    if at is None:
        return None, None
    nearest = min(
        other, key=lambda image: abs(datetime.fromisoformat(image["time"]) - at), default=None
    )
    return middle, nearest
