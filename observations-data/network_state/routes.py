"""Where is asked for the network as a whole: the sky it has seen, and how its pipeline does."""

from typing import Any

from flask import Blueprint, Response

from data_tables import Column, Kind, Table, answer
from network_state import coverage as sky_coverage
from network_state import pipeline as pipeline_status
from observation_database import read
from open_api import COUNT, OBJECT, TIME, described, json_answer, list_of, listing, record

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
        Column("exposure_s", "the sum of their exposures", Kind.REAL, "s"),
    ),
)
STATUS = json_answer(
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
    return answer(read(sky_coverage.coverage), COVERAGE)


@api.get("/status")
@described(NETWORK, STATUS)
def status() -> dict[str, Any]:
    """Tell how the pipeline does now: what waits, and what failed within the last day."""
    return read(pipeline_status.status)
