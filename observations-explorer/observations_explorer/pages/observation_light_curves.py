"""Light curves on the page of an observation: the scatter of all its stars."""

from flask import url_for
from werkzeug.exceptions import NotFound

from observations_explorer.charts.rms_chart import rms_chart
from observations_explorer.data_service import fetch
from observations_explorer.pages import light_curve_status
from observations_explorer.pages.content import Content
from panoptes_network.responses.candidates import CandidatePage
from panoptes_network.responses.light_curves import CurvePage, CurveStar
from panoptes_network.responses.observations import Observation

MAX_STARS = 20_000
N_NAMED = 8
SIMULATED = "simulated"
"""The tag of simulated observations."""


def light_curves(observation: Observation) -> Content | None:
    """Return the content; None if observations-data has no light curves.

    ``chart`` is None without light curves; ``pending`` then explains why. ``reason`` explains why
    newer frames have not updated them.
    """
    sequence_id = observation["sequence_id"]
    try:
        path = f"/observations/{sequence_id}/light-curves"
        made = fetch(CurvePage, path, limit=str(MAX_STARS))
        found = fetch(CandidatePage, "/candidates", sequence_id=sequence_id, limit=str(N_NAMED))
    except NotFound:
        return None

    def address_of(star: CurveStar) -> str:
        picid, catalog = star["picid"], star["catalog"]
        return url_for("pages.star", picid=picid, catalog=catalog, sequence_id=sequence_id)

    has_curves = made["made_at"] is not None
    chart = rms_chart(made["items"], address_of)
    return {
        "made": made,
        "chart": chart,
        "pending": None if has_curves else light_curve_status.of_set(made, observation),
        "candidates": found["items"],
        "n_candidates": found["total"],
        "is_simulated": SIMULATED in observation["tags"],
    }
