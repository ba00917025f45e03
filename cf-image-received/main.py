"""Cloud Function: an image is in the raw bucket; start what has to be done with it."""

import functions_framework
from flask import Request, Response

from image_received import SERVICE, receive
from panoptes_network import log
from panoptes_network.endpoint import answer
from panoptes_network.events import ImageObject

log.setup(SERVICE)


@functions_framework.http
def image_received(request: Request) -> Response:
    """Answer ``POST {"bucket_path": …}``, or a Pub/Sub push of the same."""
    return answer(request, ImageObject, receive, SERVICE)
