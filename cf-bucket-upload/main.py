"""Cloud Function: an object was finalized in the raw bucket."""

import functions_framework
from cloudevents.http import CloudEvent

from bucket_upload import SERVICE, forward
from panoptes_network import log
from panoptes_network.errors import PermanentError
from panoptes_network.events import StorageObject, parse

_log = log.setup(SERVICE)


@functions_framework.cloud_event
def bucket_upload(event: CloudEvent) -> None:
    """Hand an uploaded image on; any exception asks for the event to come again."""
    try:
        uploaded = parse(StorageObject, event.data)
        outcome = forward(uploaded)
    except PermanentError as error:
        # The same event would be refused again: what it named is in the log, and it ends here.
        _log.error(error.message, extra={"reason_code": error.reason, "event_id": event["id"]})
    else:
        _log.info(outcome, extra={"bucket_path": uploaded.name, "event_id": event["id"]})
