"""Cloud Function: an object was finalized in the raw bucket."""

import functions_framework
from cloudevents.http import CloudEvent

from bucket_upload import SERVICE, forward
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError
from panoptes_network.events import StorageObject, parse
from panoptes_network.telemetry import trace
from panoptes_network.web import cross_site, endpoint, service_client

_log = endpoint.setup(
    SERVICE,
    ready={"cf-image-received": lambda: service_client.check(settings().image_received_url)},
    media_types=cross_site.EVENT,
)


@functions_framework.cloud_event
def bucket_upload(event: CloudEvent) -> None:
    """Forward an uploaded image; any exception requests redelivery of the event."""
    trace.follow(event.get(trace.PARENT))
    trace.note(event_id=event["id"])
    try:
        uploaded = parse(StorageObject, event.data)
        trace.note(bucket_path=uploaded.name, generation=uploaded.generation)
        outcome = forward(uploaded)
    except PermanentError as error:
        # The same event would be refused again: it is logged and ends here.
        trace.note(reason_code=error.reason)
        _log.error(error.message, extra={"reason_code": error.reason, "event_id": event["id"]})
    else:
        _log.info(outcome, extra={"bucket_path": uploaded.name, "event_id": event["id"]})
