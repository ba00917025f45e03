"""Cloud Function: store dead letters, resend lost work, tell owners, serve operators."""

import functions_framework
from flask import Request, Response

from operation_routes import MAX_PUSH_BYTES, route
from panoptes_network import pubsub
from panoptes_network.config import settings
from panoptes_network.operations.history import SERVICE
from panoptes_network.operations.sweep import last_balance
from panoptes_network.telemetry import metrics
from panoptes_network.web import endpoint
from panoptes_network.web.readiness import database, storage

endpoint.setup(
    SERVICE,
    ready={
        "storage": lambda: storage.check(settings().raw_bucket),
        "database": database.check,
        "topic": lambda: pubsub.check(settings().pipeline_topic),
    },
    max_body_bytes=MAX_PUSH_BYTES,
)

metrics.add_gauge(
    "panoptes_bucket_objects",
    "Objects of the raw bucket by kind, in the last sweep of this process.",
    ["group"],
    last_balance,
)


@functions_framework.http
def operations(request: Request) -> Response:
    """Handle ``POST`` to /dead-letter, /sweep, /notices, /list, /replay and /tag."""
    return route(request)
