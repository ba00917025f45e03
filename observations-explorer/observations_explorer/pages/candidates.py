"""Content of the candidates page, fetched from observations-data."""

from collections.abc import Mapping

from werkzeug.exceptions import BadRequest

from observations_explorer.data_service import fetch
from observations_explorer.pages.candidate_checks import checks
from observations_explorer.pages.candidate_filters import CandidateSearch, form_error
from observations_explorer.pages.content import Content
from panoptes_network.responses.candidates import CandidatePage

PAGE_LENGTH = 25


def candidates(parameters: Mapping[str, str]) -> Content:
    """Return the content of the candidates page, for the search in its URL.

    `fault` is the error in the search; the page then shows its form and no candidates.
    """
    search = CandidateSearch.parse(parameters)
    found: CandidatePage = {"items": [], "total": 0, "next": None, "sort": "", "order": ""}
    fault = None
    try:
        found = fetch(CandidatePage, "/candidates", **search.asked, limit=str(PAGE_LENGTH))
    except BadRequest as error:
        fault = form_error(error.description)
    return {
        "candidates": [(one, checks(one["vetting"])) for one in found["items"]],
        "total": found["total"],
        "fault": fault,
        "search": search,
        "following": search.following(found["next"]) if found["next"] else None,
    }
