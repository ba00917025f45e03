"""Routes for network-wide coverage, refused uploads and pipeline status."""

from typing import Any

from flask import Blueprint, Response, request

from observations_data.data_tables import Column, Kind, Table, table_response
from observations_data.database import read
from observations_data.network_state import coverage as sky_coverage
from observations_data.network_state import pipeline as pipeline_status
from observations_data.network_state import refused_uploads
from observations_data.observations.parameters import CURSOR, LIMIT
from observations_data.open_api import (
    COUNT,
    MAYBE_TEXT,
    OBJECT,
    TIME,
    Parameter,
    described,
    json_spec,
    list_of,
    listing,
    record,
)
from panoptes_network.errors import Reason

api = Blueprint("network", __name__)

NETWORK = "The network"
COVERAGE = Table(
    "coverage",
    "Cells of the sky of nearly equal area that have observations.",
    (
        Column("ra_min_deg", "from this right ascension, ICRS", Kind.REAL, "deg"),
        Column("ra_max_deg", "to this right ascension", Kind.REAL, "deg"),
        Column("dec_min_deg", "from this declination, ICRS", Kind.REAL, "deg"),
        Column("dec_max_deg", "to this declination", Kind.REAL, "deg"),
        Column("n_observations", "observations whose mean centre lies here", Kind.INTEGER),
        Column("n_images", "their images", Kind.INTEGER),
        Column("exposure_s", "the sum of their known exposures", Kind.REAL, "s"),
    ),
)
UPLOADS = Table(
    "uploads",
    "Uploads that never became an image, newest first.",
    (
        Column("bucket_path", "path in the raw bucket", Kind.TEXT, ucd="meta.id;meta.file"),
        Column("generation", "generation of the file", Kind.TEXT, ucd="meta.version"),
        Column("unit_id", "unit whose folder it lies in", Kind.TEXT, ucd="meta.id;instr.tel"),
        Column("at", "when it was refused", Kind.TIME, ucd="time.processing"),
        Column("state", "error, or skipped where it is only kept", Kind.TEXT),
        Column("reason_code", "why", Kind.TEXT, ucd="meta.code.error"),
        Column("reason", "why, in plain words about this file", Kind.TEXT, ucd="meta.note"),
        Column("meaning", "what the reason means", Kind.TEXT, ucd="meta.note"),
        Column("action", "what to do", Kind.TEXT, ucd="meta.note"),
    ),
)
UNIT = Parameter(
    "unit",
    "Id of the unit, in any case.",
    {"type": "string", "pattern": "^[Pp][Aa][Nn][0-9]{3}$", "examples": ["PAN001"]},
)
REASON_CODE = Parameter("reason_code", "Refused for this reason.", {"enum": [*Reason]})
STATUS = json_spec(
    "How the pipeline does now.",
    record(
        time=TIME,
        states=OBJECT,
        waiting=OBJECT,
        dead_letters=COUNT,
        films_due=COUNT,
        last_day=OBJECT,
        failures=list_of(OBJECT),
    ),
)


@api.get("/coverage")
@described(NETWORK, listing(COVERAGE, total=COUNT))
def coverage() -> Response:
    """Count observations by where on the sky they lie."""
    return table_response(read(sky_coverage.coverage), COVERAGE)


@api.get("/uploads")
@described(
    NETWORK,
    listing(UPLOADS, total=COUNT, next=MAYBE_TEXT),
    query=(UNIT, REASON_CODE, CURSOR, LIMIT),
)
def uploads() -> Response:
    """List uploads that never became an image: why, and what to do."""
    search = refused_uploads.UploadSearch.parse(request.args)
    return table_response(read(refused_uploads.uploads, search), UPLOADS)


@api.get("/status")
@described(NETWORK, STATUS)
def status() -> dict[str, Any]:
    """Tell how the pipeline does now: what waits, and what failed within the last day."""
    return read(pipeline_status.status)
