"""Cloud Function: a CR2 is in the raw bucket; make its red, green and blue FITS files."""

import functions_framework
from flask import Request, Response

from make_rgb_fits import SERVICE, RgbRequest, convert
from panoptes_network import log
from panoptes_network.endpoint import answer

log.setup(SERVICE)


@functions_framework.http
def make_rgb_fits(request: Request) -> Response:
    """Answer ``POST {"bucket_path": …, "rawpy_options": {…}}``, or a Pub/Sub push of the same."""
    return answer(request, RgbRequest, convert, SERVICE)
