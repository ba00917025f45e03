"""Cloud Function: a CR2 is in the raw bucket; put its FITS file beside it."""

import functions_framework
from flask import Request, Response

from make_fits import SERVICE, convert
from panoptes_network import log
from panoptes_network.endpoint import answer
from panoptes_network.events import ImageObject

log.setup(SERVICE)


@functions_framework.http
def make_fits(request: Request) -> Response:
    """Answer ``POST {"bucket_path": …}``, or a Pub/Sub push of the same."""
    return answer(request, ImageObject, convert, SERVICE)
