"""Cloud Function: write what a FITS header says into the database and queue the image."""

import functions_framework
from flask import Request, Response

from header_to_db import SERVICE, record
from panoptes_network import log
from panoptes_network.endpoint import answer
from panoptes_network.events import HeaderRequest

log.setup(SERVICE)


@functions_framework.http
def header_to_db(request: Request) -> Response:
    """Answer ``POST {"bucket_path": …, "headers": {…}}``, either alone, or a push of the same."""
    return answer(request, HeaderRequest, record, SERVICE)
