"""Publishing of messages to topics, complete once the broker has them."""

from contextlib import suppress
from functools import cache

from google.api_core.exceptions import GoogleAPICallError, PermissionDenied, RetryError
from google.cloud import pubsub_v1
from pydantic import BaseModel

from panoptes_network.config import settings
from panoptes_network.errors import TransientError
from panoptes_network.telemetry import trace

PUBLISH_TIMEOUT_S = 20
CHECK_TIMEOUT_S = 3


@cache
def publisher() -> pubsub_v1.PublisherClient:
    """Return this process's publisher; with PUBSUB_EMULATOR_HOST it uses a local broker."""
    return pubsub_v1.PublisherClient()


def publish(topic: str, message: BaseModel) -> str:
    """Publish `message` as JSON; return its id once the broker has it.

    Its attributes carry the current trace.

    Raises
    ------
    TransientError
        If the broker is unavailable or does not respond within 20 s.
    """
    data = message.model_dump_json(exclude_none=True).encode()
    try:
        published = publisher().publish(_path(topic), data, **trace.attributes())
        return str(published.result(timeout=PUBLISH_TIMEOUT_S))
    except (GoogleAPICallError, RetryError, TimeoutError) as error:
        raise TransientError(f"cannot publish to the topic {topic}: {error}") from error


def check(topic: str) -> None:
    """Raise an error unless the broker responds and has the topic.

    Accounts that may only publish cannot see the topic; their refusal also counts as a response.
    """
    with suppress(PermissionDenied):
        publisher().get_topic(topic=_path(topic), timeout=CHECK_TIMEOUT_S, retry=None)


def _path(topic: str) -> str:
    return f"projects/{settings().google_cloud_project}/topics/{topic}"
