"""The route of the network's statistics."""

from flask import Blueprint, Response, request

from observations_data.data_tables import Column, Kind, Table, table_response
from observations_data.database import read
from observations_data.network_state import stats as network_stats
from observations_data.observations.parameters import DATE
from observations_data.open_api import Parameter, described, listing
from panoptes_network.responses.network import NightSums, Statistics

api = Blueprint("statistics", __name__)

_FIGURES = (
    Column("n_sequences", "observations", Kind.INTEGER, ucd="meta.number"),
    Column("n_images", "images", Kind.INTEGER, ucd="meta.number"),
    Column("n_sources", "number of detections", Kind.INTEGER, ucd="meta.number"),
    Column(
        "n_matched",
        "number of detections matched to catalog stars",
        Kind.INTEGER,
        ucd="meta.number",
    ),
    Column("exposure_s", "sum of the images' known exposures", Kind.REAL, "s", "time.duration"),
)
NIGHTS = Table(
    "nights",
    "Nights of units, with numbers of images and exposure time.",
    (
        Column("night", "date of the evening at the unit's location", Kind.TEXT),
        Column("unit_id", "id of the telescope", Kind.TEXT, ucd="meta.id;instr.tel"),
        *_FIGURES,
    ),
    row=NightSums,
)


@api.get("/stats")
@described(
    "The network",
    listing(Statistics, NIGHTS),
    query=(
        Parameter("after", "First night.", DATE),
        Parameter("before", "Last night; at most 366 nights.", DATE),
    ),
    problems=(400,),
)
def stats() -> Response:
    """Get totals, and images and exposure time by night and unit; as a table, the nights."""
    found = read(network_stats.stats, network_stats.StatsSearch.parse(request.args))
    return table_response(found, found["nights"], NIGHTS)
