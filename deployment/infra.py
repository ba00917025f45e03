"""The services' data for Terraform, written by ``python -m deployment.infra``."""

import json
from typing import TypedDict

from deployment.service import (
    MAX_ACK_DEADLINE_S,
    MAX_BACKOFF_S,
    MAX_DELIVERY_ATTEMPTS,
    MIN_BACKOFF_S,
    ROOT,
    Deployment,
    Grant,
    Kind,
    Schedule,
    address_variable,
    deployments,
)
from deployment.target import BUCKETS, callers
from panoptes_network.config import Settings

FILE = ROOT / "infra" / "services.json"

_CALLED = (Kind.FUNCTION, Kind.WEB)


class ServiceData(TypedDict):
    """A service as its resources need it."""

    kind: Kind
    public: bool
    database: bool
    max_instances: int
    callers: list[str]


class Document(TypedDict):
    """All that the resources are made of."""

    services: dict[str, ServiceData]
    topics: list[str]
    subscriptions: dict[str, dict[str, str | int | None]]
    delivery: dict[str, int]
    schedules: dict[str, dict[str, object]]
    events: dict[str, dict[str, str]]
    grants: list[dict[str, str]]


def document() -> Document:
    """Return all that the resources are made of; names are those without an environment."""
    return {
        "services": {name: _service(name, one) for name, one in deployments().items()},
        "topics": sorted(
            str(field.default)
            for name, field in Settings.model_fields.items()
            if name.endswith("_topic")
        ),
        "subscriptions": {
            subscription.name: {
                "service": name,
                "topic": _default(subscription.topic),
                "ack_deadline_s": subscription.ack_deadline_s,
                "path": subscription.path if one.kind is Kind.FUNCTION else None,
            }
            for name, one in deployments().items()
            for subscription in one.subscriptions
        },
        "delivery": {
            "dead_letter_ack_deadline_s": MAX_ACK_DEADLINE_S,
            "max_attempts": MAX_DELIVERY_ATTEMPTS,
            "min_backoff_s": MIN_BACKOFF_S,
            "max_backoff_s": MAX_BACKOFF_S,
        },
        "schedules": {
            _job(name, place, schedule): {
                "service": name,
                "path": schedule.path,
                "body": schedule.body,
                "cron": _cron(schedule.every_s),
            }
            for name, one in deployments().items()
            for place, schedule in enumerate(one.schedules)
        },
        "events": {
            name: {"type": one.event.type, "bucket": BUCKETS[one.event.bucket]}
            for name, one in deployments().items()
            if one.event
        },
        "grants": [
            {"service": name, "role": grant.role, **_place(grant)}
            for name, one in deployments().items()
            for grant in one.grants
        ],
    }


def _service(name: str, deployment: Deployment) -> ServiceData:
    return {
        "kind": deployment.kind,
        "public": deployment.public,
        "database": deployment.has_database,
        "max_instances": deployment.max_instances,
        "callers": callers(name) if deployment.kind in _CALLED else [],
    }


def _place(grant: Grant) -> dict[str, str]:
    """Return the kind of thing that a role is on, and its name without an environment."""
    if grant.on in BUCKETS:
        return {"on": "bucket", "name": BUCKETS[grant.on]}
    if grant.on.endswith("_TOPIC"):
        return {"on": "topic", "name": _default(grant.on)}
    if grant.on.endswith("_SUBSCRIPTION"):
        return {"on": "subscription", "name": _default(grant.on)}
    called = {address_variable(one): one for one in deployments()}
    if grant.on in called:
        return {"on": "service", "name": called[grant.on]}
    return {"on": "project", "name": ""}


def _default(setting: str) -> str:
    return str(Settings.model_fields[setting.lower()].default)


def _job(service: str, place: int, schedule: Schedule) -> str:
    """Return a job's name: the service's for its first schedule, with the path for any other."""
    return f"{service}{schedule.path.replace('/', '-')}" if place else service


def _cron(every_s: int) -> str:
    """Return a period of whole minutes, less than an hour, as cron writes it."""
    minutes, rest = divmod(every_s, 60)
    if rest or not 1 <= minutes < 60:
        raise ValueError(f"the scheduler cannot run every {every_s} s")
    return f"*/{minutes} * * * *"


def text() -> str:
    """Return the document as its file has it."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
