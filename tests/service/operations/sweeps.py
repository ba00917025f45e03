"""Sweeps of the raw bucket, and what they counted."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.service.support.functions import Network
from tests.service.support.operations import ask

LEASE_S = 1000.0


def swept(client: FlaskClient, **body: Any) -> tuple[int, int, int]:
    """Sweep and return how many were sent, given up, and not taken."""
    answer = ask(client, "/sweep", **body)
    return answer["sent"], answer["given_up"], answer["failed"]


def balance(**counts: Any) -> dict[str, Any]:
    """Return a balance with these counts and nothing else."""
    groups = dict.fromkeys(("images", "companions", "refused", "waiting", "lost"), 0)
    lists: dict[str, Any] = {"refused_by_reason": {}, "lost_paths": [], "paths_without_object": []}
    return {**groups, **lists, "rows_without_object": 0, **counts}


@pytest.fixture
def sweeper(
    chain: Network,
    function: Callable[[str], FlaskClient],
    db: Engine,
    set_env: Callable[..., None],
) -> FlaskClient:
    """cf-operations, for which an upload without results counts as lost at once.

    It stands beside a network of cf-image-received and cf-header-to-db.
    """
    set_env(SWEEP_GRACE_S=0.0001, SWEEP_LEASE_S=LEASE_S)
    return function("cf-operations")
