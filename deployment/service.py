"""Each service's `deploy.toml`, for deployment and for the network on one machine."""

import tomllib
from enum import StrEnum, auto
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).parents[1]

MAX_DELIVERY_ATTEMPTS = 100
"""Deliveries after which a message becomes a dead letter: the maximum of Pub/Sub."""

MIN_BACKOFF_S = 1
MAX_BACKOFF_S = 240
"""Longest pause between two deliveries of a message; each pause is twice the previous one.
All pauses take six hours, longer than any ordinary outage; recovery is noticed within minutes."""

MAX_ACK_DEADLINE_S = 600
"""Pub/Sub's longest wait for the response to a push; dead letters get all of it."""


class Kind(StrEnum):
    """In what way a service runs."""

    FUNCTION = auto()
    WEB = auto()
    WORKER = auto()
    JOB = auto()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(_Part):
    """An event in a bucket; `bucket` is the setting with the bucket's name."""

    type: str
    bucket: str


class Subscription(_Part):
    """A subscription; `topic` names the setting that has the topic's name.

    A function's is pushed to its `path`; a worker pulls its own.
    """

    name: str
    topic: str
    ack_deadline_s: int = Field(ge=10, le=MAX_ACK_DEADLINE_S)
    path: str = Field("/", pattern="^/")


class Schedule(_Part):
    """A request that the function gets again and again."""

    every_s: int = Field(gt=0)
    body: dict[str, object]
    path: str = Field("/", pattern="^/")


class Grant(_Part):
    """A role of the service's account, on what a setting names."""

    role: str
    on: str


class Deployment(_Part):
    """The whole of a `deploy.toml`.

    Attributes
    ----------
    kind : Kind
    entry_point : str, optional
        The function in `main.py`; only functions have one.
    memory_mb, cpu, timeout_s, concurrency, max_instances : int
        What one instance has, how long it may take for a request, how many it answers at a
        time, and how many instances there may be.
    public : bool
        Whether anyone may call it.
    settings : list of str
        The environment variables that it reads.
    writes : list of str
        The tables that it may write; whoever has a DATABASE_URL may read all.
    """

    kind: Kind
    entry_point: str | None = None
    memory_mb: int
    cpu: int
    timeout_s: int = Field(gt=0, le=3600)
    concurrency: int = 1
    max_instances: int
    public: bool = False
    settings: list[str]
    writes: list[str] = []
    event: Event | None = None
    subscriptions: list[Subscription] = []
    grants: list[Grant] = []
    schedules: list[Schedule] = []

    @property
    def has_database(self) -> bool:
        """Whether it connects to the database."""
        return "DATABASE_URL" in self.settings


@cache
def deployments() -> dict[str, Deployment]:
    """Return what is said of each service, by its folder's name.

    Raises
    ------
    pydantic.ValidationError
        For a file that lacks something or has it wrong; it names the part.
    """
    return {
        file.parent.name: Deployment.model_validate(tomllib.loads(file.read_text()))
        for file in sorted(ROOT.glob("*/deploy.toml"))
    }


def functions() -> dict[str, Deployment]:
    """Return the services that are functions."""
    return {name: one for name, one in deployments().items() if one.kind is Kind.FUNCTION}


def workers() -> dict[str, Deployment]:
    """Return the services that are workers."""
    return {name: one for name, one in deployments().items() if one.kind is Kind.WORKER}


def writers() -> dict[str, list[str]]:
    """Return the tables that each service with the database may write; the job owns them."""
    return {
        name: one.writes
        for name, one in deployments().items()
        if one.has_database and one.kind is not Kind.JOB
    }


def address_variable(service: str) -> str:
    """Return the environment variable that has the address of a service: MAKE_FITS_URL."""
    return f"{service.removeprefix('cf-').replace('-', '_').upper()}_URL"
