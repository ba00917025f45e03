"""Validation of each page's parameters: unknown and repeated ones are refused.

A page that ignored a misspelt filter would show everything, as if it were the result.
"""

import re

from flask import Flask, request
from werkzeug.exceptions import BadRequest

from observations_explorer.pages.candidate_filters import FILTERS
from observations_explorer.pages.observation_filters import PARAMETERS
from panoptes_network.web.suggestions import unknown_parameter

TAKEN: dict[str, frozenset[str]] = {
    "pages.home": PARAMETERS,
    "pages.observations": PARAMETERS,
    "pages.candidates": frozenset({*FILTERS, "sort", "order", "cursor"}),
    "pages.search": frozenset({"q"}),
    "pages.unit": frozenset({"before"}),
    "pages.statistics": frozenset({"after", "before"}),
    "pages.uploads": frozenset({"unit", "reason_code", "cursor"}),
    "pages.image": frozenset({"header"}),
    "pages.file_list": frozenset({"kind"}),
    "pages.star": frozenset(
        {"catalog", "sequence_id", "method", "colour", "light", "period_d", "epoch_mjd"}
    ),
    "pages.figure": frozenset(
        {"catalog", "sequence_id", "method", "colour", "period_d", "epoch_mjd"}
    ),
    "pages.small_curve": frozenset({"catalog", "sequence_id"}),
    "pages.stamps": frozenset({"catalog", "sequence_id", "colour"}),
}
"""The parameters of each endpoint; the others have none."""
UNCHECKED = frozenset({"pages.api", "static", "metrics"})
"""The data service validates those of the API itself."""
_TRACKING = re.compile(
    r"utm_\w+|mtm_\w+|pk_\w+|gad_\w+|_hs\w+|mc_[ce]id|_gl|_ga|li_fat_id|srsltid|epik|igshid"
    r"|fbclid|gclid|dclid|gbraid|wbraid|msclkid|ttclid|twclid|yclid"
)
"""Tracking parameters added to links by mail, search and social sites, which no page needs."""


def register(app: Flask) -> None:
    """Respond 400 to unknown parameters in all routes of `app`."""
    app.before_request(check)


def check() -> None:
    """Check the parameter names of the current request.

    Raises
    ------
    BadRequest
        For an unknown or repeated parameter.
    """
    endpoint = request.endpoint
    if endpoint is None or endpoint in UNCHECKED:
        return
    taken = TAKEN.get(endpoint, frozenset())
    for name, values in request.args.lists():
        if _TRACKING.fullmatch(name):
            continue
        if name not in taken:
            words = unknown_parameter(name, taken)
            raise BadRequest(words[0].upper() + words[1:])
        if len(values) > 1:
            raise BadRequest(f"{name} must be given once, not {len(values)} times.")
