"""The route of the network's statistics."""

from flask import Blueprint, Response, request

from observations_data.data_tables import Column, Kind, Table, table_response
from observations_data.database import read
from observations_data.network_state import stats as network_stats
from observations_data.observations.parameters import DATE
from observations_data.open_api import (
    COUNT,
    MAYBE_NUMBER,
    OBJECT,
    TEXT,
    Parameter,
    described,
    list_of,
    record,
    row_of,
    table_spec,
)

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
)
_SUMS = {"n_sequences": COUNT, "n_images": COUNT, "n_sources": COUNT, "n_matched": COUNT}
_ANSWER = table_spec(
    NIGHTS,
    record(
        totals=record(**_SUMS, exposure_s=MAYBE_NUMBER, n_files=COUNT, n_bytes=COUNT),
        states=OBJECT,
        files=list_of(record(kind=TEXT, n_files=COUNT, n_bytes=COUNT)),
        catalog=list_of(record(catalog=TEXT, n_stars=COUNT)),
        units=list_of(record(unit_id=TEXT, **_SUMS, exposure_s=MAYBE_NUMBER)),
        after=TEXT,
        before=TEXT,
        nights=list_of(row_of(NIGHTS)),
    ),
)


@api.get("/stats")
@described(
    "The network",
    _ANSWER,
    query=(
        Parameter("after", "First night.", DATE),
        Parameter("before", "Last night; at most 366 nights.", DATE),
    ),
    problems=(400,),
)
def stats() -> Response:
    """Get totals, and images and exposure time by night and unit; as a table, the nights."""
    search = network_stats.StatsSearch.parse(request.args)
    return table_response(read(network_stats.stats, search), NIGHTS, items="nights")
