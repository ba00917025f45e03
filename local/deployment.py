"""What each function's `deploy.toml` says of how it is deployed, as far as one machine has it."""

import tomllib
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from local.state import ROOT


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Subscription(_Part):
    """A push subscription; `topic` names the setting that has the topic's name."""

    name: str
    topic: str
    ack_deadline_s: int = Field(ge=10, le=600)
    path: str = Field("/", pattern="^/")


class Schedule(_Part):
    """A request that the function gets again and again."""

    every_s: int = Field(gt=0)
    body: dict[str, Any]
    path: str = Field("/", pattern="^/")


class Grant(_Part):
    """A role of the function's service account, on what a setting names."""

    role: str
    on: str


class Deployment(_Part):
    """The whole of a `deploy.toml`; `settings` are the environment variables it gets."""

    entry_point: str
    memory_mb: int
    cpu: int
    timeout_s: int = Field(gt=0, le=3600)
    concurrency: int
    max_instances: int
    settings: list[str]
    subscriptions: list[Subscription]
    grants: list[Grant]
    schedules: list[Schedule] = []


@cache
def deployments() -> dict[str, Deployment]:
    """Return what is said of each function, by its folder's name.

    Raises
    ------
    pydantic.ValidationError
        For a file that lacks something or has it wrong; it names the part.
    """
    return {
        file.parent.name: Deployment.model_validate(tomllib.loads(file.read_text()))
        for file in sorted(ROOT.glob("*/deploy.toml"))
    }


def address_variable(function: str) -> str:
    """Return the environment variable that has the address of a function: MAKE_FITS_URL."""
    return f"{function.removeprefix('cf-').replace('-', '_').upper()}_URL"
