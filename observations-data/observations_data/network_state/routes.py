"""Routes for network-wide coverage, refused uploads and pipeline status."""

from flask import Blueprint, Response, request

from observations_data.data_tables import Column, Kind, Table, table_response
from observations_data.database import read
from observations_data.network_state import coverage as sky_coverage
from observations_data.network_state import pipeline as pipeline_status
from observations_data.network_state import refused_uploads
from observations_data.observations.parameters import CURSOR, LIMIT
from observations_data.open_api import Parameter, described, json_spec, listing, schema_of
from panoptes_network.errors import Reason
from panoptes_network.responses.network import (
    Coverage,
    PipelineStatus,
    RefusedUpload,
    RefusedUploadPage,
    SkyCell,
)

api = Blueprint("network", __name__)

NETWORK = "The network"
COVERAGE = Table(
    "coverage",
    "Cells of the sky, of nearly equal area, with observations.",
    (
        Column("ra_min_deg", "lower bound of right ascension, ICRS", Kind.REAL, "deg"),
        Column("ra_max_deg", "upper bound of right ascension", Kind.REAL, "deg"),
        Column("dec_min_deg", "lower bound of declination, ICRS", Kind.REAL, "deg"),
        Column("dec_max_deg", "upper bound of declination", Kind.REAL, "deg"),
        Column("n_observations", "observations whose mean centre is in this cell", Kind.INTEGER),
        Column("n_images", "their images", Kind.INTEGER),
        Column("exposure_s", "sum of their known exposures", Kind.REAL, "s"),
    ),
    row=SkyCell,
)
UPLOADS = Table(
    "uploads",
    "Refused uploads, newest first.",
    (
        Column("bucket_path", "path in the raw bucket", Kind.TEXT, ucd="meta.id;meta.file"),
        Column("generation", "generation of the file", Kind.TEXT, ucd="meta.version"),
        Column("unit_id", "unit of its folder", Kind.TEXT, ucd="meta.id;instr.tel"),
        Column("at", "time of the refusal", Kind.TIME, ucd="time.processing"),
        Column("state", "error, or skipped if it is only stored", Kind.TEXT),
        Column("reason_code", "why", Kind.TEXT, ucd="meta.code.error"),
        Column("reason", "message about this file", Kind.TEXT, ucd="meta.note"),
        Column("meaning", "explanation of the reason", Kind.TEXT, ucd="meta.note"),
        Column("action", "remedy", Kind.TEXT, ucd="meta.note"),
    ),
    row=RefusedUpload,
)
UNIT = Parameter(
    "unit",
    "Id of the unit, in any case.",
    {"type": "string", "pattern": "^[Pp][Aa][Nn][0-9]{3}$", "examples": ["PAN001"]},
)
REASON_CODE = Parameter("reason_code", "Reason of the refusal.", {"enum": [*Reason]})
STATUS = json_spec("Pipeline status.", schema_of(PipelineStatus))


@api.get("/coverage")
@described(NETWORK, listing(Coverage, COVERAGE))
def coverage() -> Response:
    """Count observations by cells of the sky."""
    found = read(sky_coverage.coverage)
    return table_response(found, found["items"], COVERAGE)


@api.get("/uploads")
@described(
    NETWORK,
    listing(RefusedUploadPage, UPLOADS),
    query=(UNIT, REASON_CODE, CURSOR, LIMIT),
)
def uploads() -> Response:
    """List refused uploads, with reasons and remedies."""
    found = read(refused_uploads.uploads, refused_uploads.UploadSearch.parse(request.args))
    return table_response(found, found["items"], UPLOADS)


@api.get("/status")
@described(NETWORK, STATUS)
def status() -> PipelineStatus:
    """Get the pipeline status: waiting images, and failures of the last day."""
    return read(pipeline_status.status)
