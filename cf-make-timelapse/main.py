"""Cloud Function: make a sequence's film, or announce sequences whose film is due."""

import functions_framework
from flask import Request, Response

from make_timelapse import SERVICE, work
from panoptes_network import pubsub
from panoptes_network.config import settings
from panoptes_network.events import FilmRequest
from panoptes_network.web import endpoint
from panoptes_network.web.readiness import database, storage

endpoint.setup(
    SERVICE,
    ready={
        "storage": lambda: storage.check(settings().processed_bucket),
        "topic": lambda: pubsub.check(settings().film_topic),
        "database": database.check,
    },
)


@functions_framework.http
def make_timelapse(request: Request) -> Response:
    """Handle ``POST`` with ``sequence_id``, ``bucket_path`` or ``find_quiet``, or a push of it."""
    return endpoint.answer(request, FilmRequest, work, SERVICE)
