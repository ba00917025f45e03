"""Reasons for missing light curves, in words."""

from urllib.parse import quote

from werkzeug.exceptions import NotFound

from observations_explorer.data_service import fetch
from observations_explorer.formatting import figure
from panoptes_network.responses.light_curves import CurvePage
from panoptes_network.responses.observations import Observation, WholeObservation
from panoptes_network.responses.stars import Star
from panoptes_network.states import SOLVED_STATES


def why(star: Star, sequence_id: str) -> str:
    """Return why a star has no light curve in a sequence, or in its newest one.

    Parameters
    ----------
    star : dict
    sequence_id : str
        Empty: its newest one.
    """
    asked = sequence_id or next((one["sequence_id"] for one in star["visits"]), None)
    if asked is None:
        return "This star is not in any image yet."
    try:
        made = fetch(CurvePage, f"/observations/{quote(asked)}/light-curves", limit="1")
        if made["made_at"]:
            return (
                f"{asked} has light curves of {figure(made['n_stars'])} stars, but not of this one:"
                " it is too faint or outside the frame."
            )
        return of_set(made, fetch(WholeObservation, f"/observations/{quote(asked)}"))
    except NotFound:
        return "Not made yet."


def of_set(made: CurvePage, observation: Observation) -> str:
    """Return why an observation has no light curves."""
    if made["reason"]:
        return made["reason"]
    solved = sum(observation["states"].get(state, 0) for state in SOLVED_STATES)
    return f"Not made yet: {figure(solved)} of {figure(observation['n_images'])} frames solved."
