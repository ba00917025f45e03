"""Cloud Function: make the film of a sequence, or announce the sequences whose film is due."""

import functions_framework
from flask import Request, Response

from make_timelapse import SERVICE, work
from panoptes_network import log
from panoptes_network.endpoint import answer
from panoptes_network.events import FilmRequest

log.setup(SERVICE)


@functions_framework.http
def make_timelapse(request: Request) -> Response:
    """Answer ``POST`` with ``sequence_id``, ``bucket_path`` or ``find_quiet``, or a push of it."""
    return answer(request, FilmRequest, work, SERVICE)
