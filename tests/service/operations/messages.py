"""What the tests of messages about nights share."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.operations.cli import main
from tests.service.operations.test_notices import CLOUDS, DONE
from tests.service.support.functions import FaultyService, Network, create_function, served
from tests.service.support.mail_server import Mailbox, mail_server
from tests.service.support.operations import ask, change
from tests.service.support.operations import rows as rows_of
from tests.service.support.web_services import add_observation, rows

TITLE = "PAN001, night of 2018-10-11: 3 images, with problems"
DAY = datetime(2019, 1, 1, 10, tzinfo=UTC)
OWNER = "owner@example.org"
TICK = "from panoptes_network.notices.tick import *; tell(NoticeRequest())"
SetEnv = Callable[..., None]


@pytest.fixture
def mailbox(set_env: SetEnv) -> Iterator[Mailbox]:
    with mail_server() as box:
        set_env(SMTP_URL=f"smtp://127.0.0.1:{box.port}", MAIL_FROM="network@panoptes.example")
        yield box


@pytest.fixture
def hook() -> Iterator[tuple[str, FaultyService]]:
    """A webhook's address, and what stands there."""
    service = FaultyService()
    with served(service) as url:
        yield f"{url}/hook?key=1", service
        service.over.set()


@pytest.fixture
def operations(network: Network, db: Engine, data_port: int, set_env: SetEnv) -> FlaskClient:
    """cf-operations, and a night with problems that nobody has been told about."""
    set_env(
        OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}",
        OBSERVATIONS_EXPLORER_URL="https://pages.example",
        NIGHT_QUIET_S=0.001,
    )
    with rows(db) as session:
        add_observation(session, images=[DONE, DONE, CLOUDS])
    return create_function("cf-operations").test_client()


def notify(*words: str, status: int = 0) -> str:
    """Run `panoptes-operate notify` and return what it prints."""
    done = CliRunner().invoke(main, ["notify", *words])
    assert done.exit_code == status, done.output
    return done.output


def tell(client: FlaskClient) -> dict[str, Any]:
    answer: dict[str, Any] = ask(client, "/notices")
    return answer


def states(db: Engine) -> list[str]:
    return [row["state"] for row in rows_of(db, "SELECT state FROM messages ORDER BY message_id")]


def let_pass(db: Engine, minutes: int) -> None:
    for column in ("due_at", "changed_at"):
        change(
            db,
            f"UPDATE messages SET {column} = {column} - make_interval(mins => :m)",  # noqa: S608
            m=minutes,
        )


def run_sender() -> "subprocess.Popen[bytes]":
    """Start the sender as a process of its own, which can be killed."""
    return subprocess.Popen(
        [sys.executable, "-c", TICK], env={**os.environ, "PYTHONPATH": "shared"}
    )
