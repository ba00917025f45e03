"""Cloud Function: an image is in the raw bucket; start its processing."""

import functions_framework
from flask import Request, Response

from image_received import SERVICE, receive
from panoptes_network import pubsub
from panoptes_network.config import settings
from panoptes_network.events import ImageObject
from panoptes_network.web import endpoint, service_client
from panoptes_network.web.readiness import storage

endpoint.setup(
    SERVICE,
    ready={
        "storage": lambda: storage.check(settings().raw_bucket),
        "topic": lambda: pubsub.check(settings().raw_topic),
        "cf-header-to-db": lambda: service_client.check(settings().header_to_db_url),
    },
)


@functions_framework.http
def image_received(request: Request) -> Response:
    """Handle ``POST {"bucket_path": …}``, or a Pub/Sub push of it."""
    return endpoint.answer(request, ImageObject, receive, SERVICE)
