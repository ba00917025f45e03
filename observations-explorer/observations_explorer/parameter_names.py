"""Which parameters each page takes: any other, or one that is there twice, is a mistake.

A page that ignored a misspelt filter would show everything, and look as if it were the answer.
"""

import re

from flask import Flask, request
from werkzeug.exceptions import BadRequest

from observations_explorer.pages.candidate_filters import FILTERS
from observations_explorer.pages.observation_filters import LABELS
from panoptes_network.web.suggestions import unknown_parameter

TAKEN: dict[str, frozenset[str]] = {
    "pages.observations": frozenset({*LABELS, "name", "ra", "dec", "sort", "order", "cursor"}),
    "pages.candidates": frozenset({*FILTERS, "sort", "order", "cursor"}),
    "pages.unit": frozenset({"before"}),
    "pages.statistics": frozenset({"after", "before"}),
    "pages.uploads": frozenset({"unit", "reason_code", "cursor"}),
    "pages.image": frozenset({"header"}),
    "pages.file_list": frozenset({"kind"}),
    "pages.star": frozenset(
        {"catalog", "sequence_id", "method", "colour", "light", "period_d", "epoch_mjd"}
    ),
    "pages.small_curve": frozenset({"catalog", "sequence_id"}),
    "pages.stamps": frozenset({"catalog", "sequence_id", "colour"}),
}
"""The parameters of each endpoint; the others take none."""
UNCHECKED = frozenset({"pages.api", "static", "metrics"})
"""The data service checks those of the API itself."""
_TRACKING = re.compile(
    r"utm_\w+|mtm_\w+|pk_\w+|gad_\w+|_hs\w+|mc_[ce]id|_gl|_ga|li_fat_id|srsltid|epik|igshid"
    r"|fbclid|gclid|dclid|gbraid|wbraid|msclkid|ttclid|twclid|yclid"
)
"""What mail, search and social sites add to links: no reader wrote them, no page needs them."""


def register(app: Flask) -> None:
    """Let `app` answer 400 to parameters that a page does not take."""
    app.before_request(check)


def check() -> None:
    """Check the names of the request at hand.

    Raises
    ------
    BadRequest
        For a parameter that the page does not take, or that is there more than once.
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
            raise BadRequest(f"{name} may be given once, not {len(values)} times.")
