"""Limits of time lie one within the other: all are read and held against docs/reliability.md."""

import re

import pytest

from deployment.service import MAX_ACK_DEADLINE_S, deployments
from light_curves import claims, solved_frames
from observations_data import file_storage, readiness
from observations_explorer import data_service
from panoptes_client.connection import Patience
from panoptes_network import pubsub, storage
from panoptes_network.config import Settings
from panoptes_network.database import engine, light_curve_sets
from panoptes_network.processing import conversion
from panoptes_network.web import authentication, server, service_client
from panoptes_network.web.readiness import storage as storage_check
from panoptes_network.worker import subscription
from plate_solver import external_programs, frame_reader, worker
from tests.unit.test_config import ROOT

DOCUMENT = ROOT / "docs" / "reliability.md"


def default(name: str) -> float:
    return float(Settings.model_fields[name].default)


def platform(service: str) -> float:
    return deployments()[service].timeout_s


def scheduler_s() -> float:
    """Read it of Terraform's file, where it is written once."""
    source = (ROOT / "infra" / "services.tf").read_text()
    [found] = re.findall(r'attempt_deadline += "(\d+)s"', source)
    return float(found)


READER = storage.Patience(
    file_storage.CONNECT_S, default("file_timeout_s"), file_storage.TRIES_S
).longest_s
LIMITS = {
    "a reader's call of storage": READER,
    "a turn at storage": file_storage.TURN_S,
    "a patient call of storage": storage.PATIENT.longest_s,
    "a connection of the pool": engine.POOL_TIMEOUT_S,
    "a new connection to the database": engine.CONNECT_TIMEOUT_S,
    "a lock": engine.LOCK_TIMEOUT_S,
    "a statement": engine.STATEMENT_TIMEOUT_S,
    "a database response": engine.ANSWER_TIMEOUT_S,
    "a reader's statement": default("read_timeout_s"),
    "a reader's statement, then a call of storage": default("read_timeout_s")
    + engine.CANCEL_S
    + file_storage.TURN_S
    + READER,
    "all that a page asks for": default("page_timeout_s"),
    "the issuer's certificates": authentication.CERTIFICATES_TIMEOUT_S,
    "a message to a topic": pubsub.PUBLISH_TIMEOUT_S,
    "the decoding of a file": conversion.TIME_LIMIT_S,
    "a hop to the last service": default("request_timeout_s"),
    "a hop to one that waits for another": 2 * default("request_timeout_s"),
    "the look at storage": storage_check.TIMEOUT_S,
    "the look at a topic": pubsub.CHECK_TIMEOUT_S,
    "the look at the next service": service_client.CHECK_TIMEOUT_S,
    "`/ready` of observations-data": readiness.READY_TIMEOUT_S,
    "`/ready` of the explorer": data_service.READY_TIMEOUT_S,
    "a push of a dead letter": MAX_ACK_DEADLINE_S,
    "a sweep, to the scheduler": scheduler_s(),
    "one extension of a lease": subscription.LEASE_S / 3,
    "a worker's lease": subscription.LEASE_S,
    "a silent program of the worker": external_programs.STALL_S,
    "the worker's reading of a frame": frame_reader.TIME_LIMIT_S,
    "the work on one image": worker.MAX_WORK_S,
    "the sign of life of a claim": claims.BEAT_S,
    "the silence of a claim": light_curve_sets.CLAIM_LEASE_S,
    "the reading of a solved frame": solved_frames.TIME_LIMIT_S,
    "the work on one sequence": claims.MAX_WORK_S,
    "the end of a stopped server": server.DRAIN_S,
    "Cloud Run's patience with a stopped one": 10,
    "a response to panoptes-client": Patience().read_timeout_s,
    **{f"{service} on the platform": platform(service) for service in deployments()},
}


def rows() -> list[tuple[str, str, str, str]]:
    """Return the rows of the document's table: what, its seconds, within what, its seconds."""
    _, _, behind = DOCUMENT.read_text().partition("| What | s | lies within | s |")
    table = behind.split("\n\n", 1)[0]
    return re.findall(r"^\| ([^|]+?) \| ([\d.]+) \| ([^|]+?) \| ([\d.]+) \|$", table, re.MULTILINE)


def test_the_table_has_the_limits_as_they_are() -> None:
    told = {(name, float(seconds)) for row in rows() for name, seconds in (row[:2], row[2:])}
    assert told
    assert told <= {(name, float(seconds)) for name, seconds in LIMITS.items()}
    named = {name for name, _ in told}
    assert {name for name in LIMITS if name not in named} <= {"job-migrate on the platform"}


@pytest.mark.parametrize(("inner", "inner_s", "outer", "outer_s"), rows())
def test_each_limit_lies_within_the_next(
    inner: str, inner_s: str, outer: str, outer_s: str
) -> None:
    assert float(inner_s) < float(outer_s), f"{inner} is not over before {outer}"


def test_threads_are_left_while_storage_hangs() -> None:
    assert deployments()["observations-data"].concurrency > file_storage.MAX_CALLS
