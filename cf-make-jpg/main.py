"""Cloud Function: an image is in the raw bucket; make its picture and its thumbnail."""

import functions_framework
from flask import Request, Response

from make_jpg import SERVICE, convert
from panoptes_network import log
from panoptes_network.endpoint import answer
from panoptes_network.events import ImageObject

log.setup(SERVICE)


@functions_framework.http
def make_jpg(request: Request) -> Response:
    """Answer ``POST {"bucket_path": …}``, or a Pub/Sub push of the same."""
    return answer(request, ImageObject, convert, SERVICE)
