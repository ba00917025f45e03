"""Eventarc's part: receives storage notifications and sends CloudEvents to a function."""

import base64
import os
from urllib.parse import quote

import requests
from flask import Flask, Response, request
from pydantic import BaseModel, Field, ValidationError

from panoptes_network.config import settings
from panoptes_network.web import cross_site, request_guard

FINALIZED = "google.cloud.storage.object.v1.finalized"
_UNENCODED = "".join(set(map(chr, range(0x21, 0x7F))) - set('"%'))


class _Attributes(BaseModel):
    bucket: str = Field(alias="bucketId")
    name: str = Field(alias="objectId")
    event_time: str = Field(alias="eventTime")


class Notification(BaseModel):
    """A storage notification, as pushed by Pub/Sub; `data` is the object's JSON in base64."""

    message_id: str = Field(alias="messageId")
    attributes: _Attributes
    data: str


class _Push(BaseModel):
    message: Notification


def create_app() -> Flask:
    """Return the app that the push subscription of storage events posts to.

    It responds with the function's status, so that failed events are redelivered. Only the raw
    bucket has a trigger.
    """
    app = Flask("eventarc")
    app.before_request(lambda: cross_site.check_host(request))
    app.before_request(lambda: request_guard.check(request))
    app.before_request(lambda: cross_site.check(request))

    @app.post("/")
    def deliver() -> Response:
        try:
            notification = _Push.model_validate_json(request.get_data()).message
        except ValidationError as error:
            # If refused, it would be redelivered again and again.
            app.logger.warning("not a storage notification: %s", error)
            return Response(status=204)
        if notification.attributes.bucket != settings().raw_bucket:
            return Response(status=204)
        return Response(status=_send(notification))

    return app


def cloud_event_headers(notification: Notification) -> dict[str, str]:
    """Return the headers of the CloudEvent that Eventarc makes from a notification.

    It uses the binary content mode of https://github.com/cloudevents/spec (HTTP binding, section
    3.1), percent-encoded as required by section 3.1.3.2.
    """
    bucket, name = notification.attributes.bucket, notification.attributes.name
    return {
        "ce-id": notification.message_id,
        "ce-specversion": "1.0",
        "ce-type": FINALIZED,
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{bucket}",
        "ce-subject": quote(f"objects/{name}", safe=_UNENCODED),
        "ce-time": notification.attributes.event_time,
        "ce-bucket": bucket,
        "content-type": "application/json",
    }


def _send(notification: Notification) -> int:
    try:
        response = requests.post(
            os.environ["BUCKET_UPLOAD_URL"],
            data=base64.b64decode(notification.data),
            headers=cloud_event_headers(notification),
            timeout=settings().request_timeout_s * 3,
        )
    except requests.RequestException:
        return 503
    return response.status_code
