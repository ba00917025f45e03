"""The sections of the pages, as the navigation over each page has them."""

from flask import request

SECTIONS = (
    ("observations", "Observations"),
    ("candidates", "Candidates"),
    ("sky", "Sky"),
    ("units", "Units"),
    ("statistics", "Statistics"),
    ("status", "Status"),
    ("about", "About"),
)
"""The endpoint of each section's first page, and what it is called."""
_BELOW = {
    "/candidates": "candidates",
    "/sky": "sky",
    "/units": "units",
    "/stats": "statistics",
    "/status": "status",
    "/uploads": "status",
    "/about": "about",
}


def current() -> str:
    """Return the section that the page at hand belongs to."""
    first = "/" + request.path.split("/")[1]
    return _BELOW.get(first, "observations")
