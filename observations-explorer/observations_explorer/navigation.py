"""The sections of the pages in the main navigation."""

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
"""Each section's first endpoint, and its title."""
_BELOW = {
    "/": "home",
    "/candidates": "candidates",
    "/sky": "sky",
    "/units": "units",
    "/stats": "statistics",
    "/status": "status",
    "/uploads": "status",
    "/about": "about",
    "/connect": "about",
}


def current() -> str:
    """Return the section of the current page; the home page is in none."""
    first = "/" + request.path.split("/")[1]
    return _BELOW.get(first, "observations")
