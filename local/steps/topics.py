"""Create the topics and subscriptions of the network."""

import os
from contextlib import suppress

from google.api_core.exceptions import AlreadyExists
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import DeadLetterPolicy, PushConfig, RetryPolicy, Subscription

from deployment.service import (
    MAX_BACKOFF_S,
    MAX_DELIVERY_ATTEMPTS,
    MIN_BACKOFF_S,
    address_variable,
    functions,
    workers,
)
from deployment.service import Subscription as ServiceSubscription
from panoptes_network.config import settings

ACK_DEADLINE_S = 60
CHANGEABLE = ["ack_deadline_seconds", "retry_policy", "dead_letter_policy", "push_config"]
RETRY = RetryPolicy(
    minimum_backoff=Duration(seconds=MIN_BACKOFF_S), maximum_backoff=Duration(seconds=MAX_BACKOFF_S)
)


def dead_letter_name(topic: str) -> str:
    """Return the name of a topic's dead-letter topic, which is also its subscription's."""
    return f"{topic}-dead"


def main() -> None:
    """Create what is missing on the server in PUBSUB_EMULATOR_HOST."""
    events_topic = os.environ["STORAGE_EVENTS_TOPIC"]
    topics = [settings().raw_topic, settings().pipeline_topic, settings().film_topic]
    with PublisherClient() as publisher, SubscriberClient() as subscriber:
        for topic in [*topics, events_topic]:
            _create_topics(publisher, [topic, dead_letter_name(topic)])
            _subscribe_dead_letters(subscriber, dead_letter_name(topic))
        for worker in workers().values():
            for subscription in worker.subscriptions:
                _subscribe_worker(subscriber, subscription)
        for function, deployment in functions().items():
            for subscription in deployment.subscriptions:
                _subscribe_function(subscriber, function, subscription)
        eventarc = f"{os.environ['EVENTARC_URL']}/"
        _subscribe(subscriber, events_topic, events_topic, push_endpoint=eventarc)


def _create_topics(publisher: PublisherClient, names: list[str]) -> None:
    for name in names:
        with suppress(AlreadyExists):
            publisher.create_topic(name=_topic_path(name))


def _subscribe_dead_letters(subscriber: SubscriberClient, name: str) -> None:
    """Subscribe the recording of dead letters, which are retried without limit."""
    operations = os.environ[address_variable("cf-operations")]
    _subscribe(subscriber, name, name, push_endpoint=f"{operations}/dead-letter", gives_up=False)


def _subscribe_function(
    subscriber: SubscriberClient, function: str, wanted: ServiceSubscription
) -> None:
    _subscribe(
        subscriber,
        wanted.name,
        getattr(settings(), wanted.topic.lower()),
        push_endpoint=f"{os.environ[address_variable(function)]}{wanted.path}",
        ack_deadline_s=wanted.ack_deadline_s,
    )


def _subscribe_worker(subscriber: SubscriberClient, wanted: ServiceSubscription) -> None:
    topic = getattr(settings(), wanted.topic.lower())
    _subscribe(subscriber, wanted.name, topic, ack_deadline_s=wanted.ack_deadline_s)


def _subscribe(
    subscriber: SubscriberClient,
    name: str,
    topic: str,
    *,
    push_endpoint: str | None = None,
    ack_deadline_s: int = ACK_DEADLINE_S,
    gives_up: bool = True,
) -> None:
    """Create a subscription, or update an existing one.

    The push URL, for example, changes with its receiver's port.

    Parameters
    ----------
    push_endpoint : str, optional
        URL to post messages to; without it, they are pulled.
    gives_up : bool
        Whether messages become dead letters after `MAX_DELIVERY_ATTEMPTS`.
    """
    wanted = Subscription(
        name=f"projects/{settings().google_cloud_project}/subscriptions/{name}",
        topic=_topic_path(topic),
        ack_deadline_seconds=ack_deadline_s,
        retry_policy=RETRY,
        dead_letter_policy=_dead_letter_policy(topic) if gives_up else None,
        push_config=PushConfig(push_endpoint=push_endpoint) if push_endpoint else None,
    )
    try:
        subscriber.create_subscription(request=wanted)
    except AlreadyExists:
        mask = FieldMask(paths=CHANGEABLE)
        subscriber.update_subscription(subscription=wanted, update_mask=mask)


def _dead_letter_policy(topic: str) -> DeadLetterPolicy:
    return DeadLetterPolicy(
        dead_letter_topic=_topic_path(dead_letter_name(topic)),
        max_delivery_attempts=MAX_DELIVERY_ATTEMPTS,
    )


def _topic_path(name: str) -> str:
    return f"projects/{settings().google_cloud_project}/topics/{name}"


if __name__ == "__main__":
    main()
