"""Routes of candidates."""

import re

from flask import Blueprint, Response, request

from observations_data.candidates import queries
from observations_data.candidates.parameters import MAX_SIGNIFICANCE, CandidateSearch, Sort
from observations_data.candidates.tables import CANDIDATES
from observations_data.data_tables import table_response
from observations_data.database import read, unknown
from observations_data.observations.parameters import DEC, MAGS, ORDER, PAGE, RA, SEQUENCE_ID, UNIT
from observations_data.open_api import Parameter, described, json_spec, listing, row_of
from observations_data.pagination import Direction
from observations_data.stars.schemas import RADIUS
from panoptes_network.light_curves.schema import CandidateKind
from panoptes_network.responses.candidates import Candidate, CandidatePage

api = Blueprint("candidates", __name__)

TAG = "Light curves and candidates"
CANDIDATE_ID = Parameter(
    "candidate_id", "Id of a candidate.", {"type": "string", "pattern": "^[0-9]{1,18}$"}
)
QUERY = (
    Parameter("kind", "Kind of candidate.", {"enum": [*CandidateKind]}),
    Parameter(
        "min_significance",
        "Minimum significance.",
        {"type": "number", "minimum": 0, "maximum": MAX_SIGNIFICANCE},
    ),
    Parameter(
        "max_false_alarm",
        "Maximum false-alarm probability.",
        {"type": "number", "minimum": 0, "maximum": 1},
    ),
    *MAGS,
    SEQUENCE_ID,
    UNIT,
    Parameter(
        "known",
        "Whether to list only known planets and variables, or only others; by default, all.",
        {"type": "boolean"},
    ),
    RA,
    DEC,
    RADIUS,
    Parameter("sort", "Sort key.", {"enum": [*Sort], "default": Sort.SIGNIFICANCE}),
    ORDER,
    *PAGE,
)


@api.get("/candidates")
@described(
    TAG,
    listing(CandidatePage, CANDIDATES, sort=Sort, order=Direction),
    query=QUERY,
)
def candidates() -> Response:
    """List candidates, most significant first.

    Candidates come from a search of each observation's light curves, and from a search over all
    nights of a star: the latter have no `sequence_id`.
    """
    found = read(queries.candidates, CandidateSearch.parse(request.args))
    return table_response(found, found["items"], CANDIDATES)


@api.get("/candidates/<candidate_id>")
@described(
    TAG,
    json_spec("The candidate.", row_of(CANDIDATES), CANDIDATES),
    path=(CANDIDATE_ID,),
)
def candidate(candidate_id: str) -> Candidate:
    """Get a candidate."""
    if not re.fullmatch("[0-9]{1,18}", candidate_id, re.ASCII):
        raise unknown("candidate", candidate_id)
    return read(queries.candidate, int(candidate_id))
