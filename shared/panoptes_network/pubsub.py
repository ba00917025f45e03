"""Messages to topics, each handed over only once the broker has it."""

from functools import cache

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import pubsub_v1
from pydantic import BaseModel

from panoptes_network.config import settings
from panoptes_network.errors import TransientError

PUBLISH_TIMEOUT_S = 20


@cache
def publisher() -> pubsub_v1.PublisherClient:
    """Return this process's publisher; PUBSUB_EMULATOR_HOST leads it to a local broker."""
    return pubsub_v1.PublisherClient()


def publish(topic: str, message: BaseModel) -> str:
    """Publish `message` as JSON and return its id, once the broker has it.

    Raises
    ------
    TransientError
        When the broker is away or does not answer in 20 s.
    """
    path = f"projects/{settings().google_cloud_project}/topics/{topic}"
    data = message.model_dump_json(exclude_none=True).encode()
    try:
        return str(publisher().publish(path, data).result(timeout=PUBLISH_TIMEOUT_S))
    except (GoogleAPICallError, RetryError, TimeoutError) as error:
        raise TransientError(f"the topic {topic} takes no message: {error}") from error
