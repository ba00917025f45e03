"""Content of the home page, fetched from observations-data."""

from observations_explorer.data_service import fetch
from observations_explorer.pages.content import Content
from panoptes_network.responses.highlights import Highlights


def home() -> Content:
    """Return the content of the home page."""
    return {"found": fetch(Highlights, "/highlights")}
