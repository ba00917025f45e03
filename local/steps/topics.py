"""Make the topics and subscriptions of the network."""

import os
from contextlib import suppress

from google.api_core.exceptions import AlreadyExists
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import DeadLetterPolicy, PushConfig, RetryPolicy, Subscription

from panoptes_network.config import settings

ACK_DEADLINE_S = 60
MAX_DELIVERY_ATTEMPTS = 5
CHANGEABLE = ["ack_deadline_seconds", "retry_policy", "dead_letter_policy", "push_config"]
RETRY = RetryPolicy(minimum_backoff=Duration(seconds=1), maximum_backoff=Duration(seconds=60))


def dead_letter_name(topic: str) -> str:
    """Return the name of a topic's dead-letter topic, which is also its subscription's."""
    return f"{topic}-dead"


def main() -> None:
    """Make what is missing on the server that PUBSUB_EMULATOR_HOST names."""
    events_topic = os.environ["STORAGE_EVENTS_TOPIC"]
    pipeline_topic, raw_topic = settings().pipeline_topic, settings().raw_topic
    with PublisherClient() as publisher, SubscriberClient() as subscriber:
        _create_topics(publisher, [raw_topic, pipeline_topic, events_topic])
        for topic in (raw_topic, pipeline_topic):
            _create_topics(publisher, [dead_letter_name(topic)])
            _subscribe(subscriber, dead_letter_name(topic), dead_letter_name(topic))
        _subscribe(
            subscriber,
            settings().solver_subscription,
            pipeline_topic,
            dead_letter_policy=DeadLetterPolicy(
                dead_letter_topic=_topic_path(dead_letter_name(pipeline_topic)),
                max_delivery_attempts=MAX_DELIVERY_ATTEMPTS,
            ),
        )
        push = PushConfig(push_endpoint=f"{os.environ['EVENTARC_URL']}/")
        _subscribe(subscriber, events_topic, events_topic, push_config=push)


def _create_topics(publisher: PublisherClient, names: list[str]) -> None:
    for name in names:
        with suppress(AlreadyExists):
            publisher.create_topic(name=_topic_path(name))


def _subscribe(
    subscriber: SubscriberClient,
    name: str,
    topic: str,
    dead_letter_policy: DeadLetterPolicy | None = None,
    push_config: PushConfig | None = None,
) -> None:
    """Make a subscription, or bring the one of that name to what is wanted now.

    The push address, for one, changes with the port of its receiver.
    """
    wanted = Subscription(
        name=f"projects/{settings().google_cloud_project}/subscriptions/{name}",
        topic=_topic_path(topic),
        ack_deadline_seconds=ACK_DEADLINE_S,
        retry_policy=RETRY,
        dead_letter_policy=dead_letter_policy,
        push_config=push_config,
    )
    try:
        subscriber.create_subscription(request=wanted)
    except AlreadyExists:
        mask = FieldMask(paths=CHANGEABLE)
        subscriber.update_subscription(subscription=wanted, update_mask=mask)


def _topic_path(name: str) -> str:
    return f"projects/{settings().google_cloud_project}/topics/{name}"


if __name__ == "__main__":
    main()
