"""Cloud Function: a CR2 is in the raw bucket; make its red, green and blue FITS files."""

import functions_framework
from flask import Request, Response

from make_rgb_fits import SERVICE, RgbRequest, convert
from panoptes_network.config import settings
from panoptes_network.web import endpoint
from panoptes_network.web.readiness import database, storage

endpoint.setup(
    SERVICE,
    ready={
        "storage": lambda: storage.check(settings().raw_bucket),
        "database": database.check,
    },
)


@functions_framework.http
def make_rgb_fits(request: Request) -> Response:
    """Handle ``POST {"bucket_path": …, "rawpy_options": {…}}``, or a Pub/Sub push of it."""
    return endpoint.answer(request, RgbRequest, convert, SERVICE)
