"""Light curves on the page of an observation: the scatter of all its stars."""

from flask import url_for
from werkzeug.exceptions import NotFound

from observations_explorer.charts.rms_chart import rms_chart
from observations_explorer.data_service import fetch
from observations_explorer.pages import light_curve_status
from panoptes_network.json_object import Json

MAX_STARS = 20_000
N_NAMED = 8
SIMULATED = "simulated"
"""The tag of simulated observations."""


def light_curves(observation: Json) -> Json | None:
    """Return the content; None if observations-data has no light curves.

    ``chart`` is None without light curves; ``pending`` then explains why. ``reason`` explains why
    newer frames have not updated them.
    """
    sequence_id = observation["sequence_id"]
    try:
        made = fetch(f"/observations/{sequence_id}/light-curves", limit=str(MAX_STARS))
        found = fetch("/candidates", sequence_id=sequence_id, limit=str(N_NAMED))
    except NotFound:
        return None

    def address_of(star: Json) -> str:
        name = {"picid": star["picid"], "catalog": star["catalog"]}
        return url_for("pages.star", **name, sequence_id=sequence_id)

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
