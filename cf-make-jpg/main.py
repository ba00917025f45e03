"""Cloud Function: an image is in the raw bucket; make its pictures."""

import functions_framework
from flask import Request, Response

from make_jpg import SERVICE, convert
from panoptes_network.config import settings
from panoptes_network.events import ImageObject
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
def make_jpg(request: Request) -> Response:
    """Handle ``POST {"bucket_path": …}``, or a Pub/Sub push of it."""
    return endpoint.answer(request, ImageObject, convert, SERVICE)
