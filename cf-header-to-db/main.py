"""Cloud Function: write what a FITS header says into the database and queue the image."""

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
    """Answer ``POST {"bucket_path": …, "headers": {…}}``, either alone, or a push of the same."""
    return endpoint.answer(request, HeaderRequest, record, SERVICE)
