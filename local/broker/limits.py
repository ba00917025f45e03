"""What a topic, a subscription and a message may be: Google's limits, checked before storing."""

import re
from typing import Any, TypeAlias

from grpc import StatusCode

# A bare protobuf object: several times faster than its wrapper in google.pubsub_v1. protobuf
# makes the classes at run time, so they have no static type.
Proto: TypeAlias = Any

OPTIONS = {"ack_deadline_seconds", "push_config", "retry_policy", "dead_letter_policy", "labels"}
_SUPPORTED = {
    "Topic": {"name", "labels"},
    "Subscription": {"name", "topic", *OPTIONS},
    "PushConfig": {"push_endpoint"},
    "PubsubMessage": {"data", "attributes"},
}
_NAME = re.compile(r"projects/[^/]+/(topic|subscription)s/(?!goog)[A-Za-z][\w.~+%-]{2,254}", re.A)
_ENDPOINT = re.compile(r"(http://[\w.-]+(:\d{1,5})?([/?][!-~]*)?)?", re.A)  # none: a pull


class RequestError(Exception):
    """A request that cannot be done; its arguments are a gRPC status code and the reason."""


def require(condition: object, reason: str) -> None:
    """Refuse the request as invalid unless the condition holds."""
    if not condition:
        raise RequestError(StatusCode.INVALID_ARGUMENT, reason)


def check_supported(message: Proto) -> None:
    """Refuse a message with a field that asks for something which is not here."""
    kind = message.DESCRIPTOR.name
    for field, _ in message.ListFields():
        if field.name not in _SUPPORTED[kind]:
            raise RequestError(StatusCode.UNIMPLEMENTED, f"no {kind}.{field.name} in this broker")


def check_spec(spec: Proto) -> None:
    """Refuse a topic or a subscription that is out of bounds; fill in its defaults."""
    kind, name = spec.DESCRIPTOR.name.lower(), _NAME.fullmatch(spec.name)
    require(name and name[1] == kind, f"{spec.name!r} is no projects/PROJECT/{kind}s/ID")
    check_supported(spec)
    if kind == "subscription":
        _check_delivery(spec)


def _check_delivery(spec: Proto) -> None:
    check_supported(spec.push_config)
    url, dead, retry = spec.push_config.push_endpoint, spec.dead_letter_policy, spec.retry_policy
    require(_ENDPOINT.fullmatch(url), f"push_endpoint {url!r} is no http:// address")
    spec.ack_deadline_seconds = spec.ack_deadline_seconds or 10
    require(10 <= spec.ack_deadline_seconds <= 600, "ack_deadline_seconds must be 10 to 600")
    if spec.HasField("dead_letter_policy"):
        dead.max_delivery_attempts = dead.max_delivery_attempts or 5
        require(5 <= dead.max_delivery_attempts <= 100, "max_delivery_attempts must be 5 to 100")
    if spec.HasField("retry_policy") and not retry.HasField("minimum_backoff"):
        retry.minimum_backoff.FromSeconds(10)
    if spec.HasField("retry_policy") and not retry.HasField("maximum_backoff"):
        retry.maximum_backoff.FromSeconds(600)
    shortest_s, longest_s = retry.minimum_backoff.ToSeconds(), retry.maximum_backoff.ToSeconds()
    require(0 <= shortest_s <= longest_s <= 600, "backoff must be 0 to 600 s, minimum first")


def backoff_s(spec: Proto, attempts: int) -> float:
    """Seconds to wait after so many failed attempts."""
    shortest_ms = spec.retry_policy.minimum_backoff.ToMilliseconds()
    longest_ms = spec.retry_policy.maximum_backoff.ToMilliseconds()
    if spec.push_config.push_endpoint and not spec.HasField("retry_policy"):
        shortest_ms, longest_ms = 100, 60_000  # Google's values
    return float(min(longest_ms, shortest_ms * 2 ** min(attempts - 1, 32)) / 1e3)
