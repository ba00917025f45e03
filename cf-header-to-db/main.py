"""Cloud Function: store a FITS header in the database and queue the image."""

import functions_framework
from flask import Request, Response

from header_to_db import SERVICE, record
from panoptes_network import pubsub
from panoptes_network.config import settings
from panoptes_network.events import HeaderRequest
from panoptes_network.web import endpoint
from panoptes_network.web.readiness import database, storage

endpoint.setup(
    SERVICE,
    ready={
        "storage": lambda: storage.check(settings().raw_bucket),
        "topic": lambda: pubsub.check(settings().pipeline_topic),
        "database": database.check,
    },
)


@functions_framework.http
def header_to_db(request: Request) -> Response:
    """Handle ``POST {"bucket_path": …, "headers": {…}}``, either field alone, or a push of it."""
    return endpoint.answer(request, HeaderRequest, record, SERVICE)
