"""Where observations, images, units, nights and files are asked for, and whether all is well."""

from typing import Any

from flask import Blueprint, Response, request

import night_rows
import observation_file_rows as file_rows
import observation_files
import observations_data as data
import service_state
import unit_rows
from observation_database import read
from observation_search import NightSearch, Search

api = Blueprint("observations", __name__)


@api.route("/", methods=["GET", "POST"])
def simple_way() -> dict[str, Any]:
    """Answer as the network's first data service did: the images of one sequence, or the list."""
    body = request.get_json(silent=True)
    given = body if isinstance(body, dict) else request.values
    if "sequence_id" not in given:
        return observations()
    return read(data.images_of, str(given["sequence_id"]))


@api.get("/health")
def health() -> dict[str, Any]:
    """Answer while this process does."""
    return {"status": "ok"}


@api.get("/ready")
def ready() -> dict[str, Any]:
    """Answer while the database and the storage do."""
    return service_state.require_ready()


@api.get("/units")
def units() -> dict[str, Any]:
    """List the units."""
    return read(unit_rows.units)


@api.get("/units/<unit_id>/nights")
def nights(unit_id: str) -> dict[str, Any]:
    """List a unit's nights that have images, newest first."""
    return read(unit_rows.nights, unit_id, NightSearch.parse(request.args))


@api.get("/units/<unit_id>/nights/<date>")
def night(unit_id: str, date: str) -> dict[str, Any]:
    """Report a unit's night: what arrived, what went wrong, what to do."""
    return read(night_rows.night, unit_id, date)


@api.get("/observations")
def observations() -> dict[str, Any]:
    """List observations, newest first."""
    return read(data.observations, Search.parse(request.args))


@api.get("/observations/<sequence_id>")
def observation(sequence_id: str) -> dict[str, Any]:
    """Tell all of one observation but its history."""
    return read(data.observation, sequence_id)


@api.get("/observations/<sequence_id>/events")
def events(sequence_id: str) -> dict[str, Any]:
    """Tell the history of an observation's images, oldest first."""
    return read(data.events_of_sequence, sequence_id)


@api.get("/images/<image_id>")
def image(image_id: str) -> dict[str, Any]:
    """Tell all of one image: figures, files, header, history."""
    return read(data.image, image_id)


@api.get("/files/<any(raw, processed):bucket>/<path:path>")
def file(bucket: str, path: str) -> Response:
    """Send a file of an image or an observation's film, or the range of it that is asked for."""
    read(file_rows.require_file, bucket, path)
    return observation_files.send(file_rows.bucket_names()[bucket], path)
