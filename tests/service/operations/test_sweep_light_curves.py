"""cf-operations asks for the light curves of quiet sequences, once, and again when they grew."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from tests.service.support.functions import Network
from tests.service.support.operations import ask, change, rows
from tests.service.support.solved_rows import SEQUENCE_ID, add_solved


@pytest.fixture
def operations(network: Network, function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-operations")


def asked_for(network: Network) -> list[Any]:
    return [one["sequence_id"] for one in network.queued(settings().film_topic)]


def test_a_quiet_sequence_is_asked_for_once(
    network: Network, operations: FlaskClient, db: Engine
) -> None:
    add_solved(db, 0, 1, 2)
    assert ask(operations, "/sweep", dry_run=True)["sent"] == 1
    assert ask(operations, "/sweep")["images"]["sent"] == [SEQUENCE_ID]
    assert ask(operations, "/sweep")["sent"] == 0
    assert asked_for(network) == [SEQUENCE_ID]


def test_one_that_grew_is_asked_for_again(
    network: Network, operations: FlaskClient, db: Engine
) -> None:
    add_solved(db, 0, 1, 2)
    ask(operations, "/sweep")
    change(
        db,
        "UPDATE light_curve_sets SET images = 3, generation = 3, made_at = now(),"
        " asked_at = now() - interval '3 hours'",
    )
    assert ask(operations, "/sweep")["sent"] == 0
    add_solved(db, 3)
    assert ask(operations, "/sweep")["sent"] == 1
    assert asked_for(network) == [SEQUENCE_ID, SEQUENCE_ID]


def test_two_frames_and_a_sequence_under_way_are_left_alone(
    network: Network, operations: FlaskClient, db: Engine
) -> None:
    add_solved(db, 0, 1)
    assert ask(operations, "/sweep")["sent"] == 0
    add_solved(db, 2, age_s=10)
    assert ask(operations, "/sweep")["sent"] == 0
    assert asked_for(network) == []
    assert rows(db, "SELECT * FROM light_curve_sets") == []
