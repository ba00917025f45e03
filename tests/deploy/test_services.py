"""The services' deploy files: whole, and in agreement with what the services read and are."""

import ast
import re
from pathlib import Path

import pytest

from deployment.service import Deployment, Kind, address_variable, deployments, functions, writers
from panoptes_network.config import Settings
from panoptes_network.database.models import Base
from tests.unit.test_config import settings_read_by

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
SERVICES = sorted(deployments().items())
FUNCTIONS = sorted(functions().items())


def test_every_service_is_deployed() -> None:
    folders = {file.parent.name for file in ROOT.glob("*-*/main.py")}
    assert deployments().keys() == folders


@pytest.mark.parametrize(("function", "deployment"), FUNCTIONS)
def test_the_entry_point_is_there(function: str, deployment: Deployment) -> None:
    main = ast.parse((ROOT / function / "main.py").read_text())
    defined = {node.name for node in main.body if isinstance(node, ast.FunctionDef)}
    assert deployment.entry_point in defined
    # The tests find it by the folder's name.
    assert deployment.entry_point == function.removeprefix("cf-").replace("-", "_")


@pytest.mark.parametrize(("service", "deployment"), SERVICES)
def test_a_service_gets_the_settings_that_it_reads(service: str, deployment: Deployment) -> None:
    read = {name.upper() for name in settings_read_by(ROOT / service)}
    assert set(deployment.settings) == read


@pytest.mark.parametrize(("service", "deployment"), SERVICES)
def test_topics_and_grants_name_settings(service: str, deployment: Deployment) -> None:
    settings = {name.upper() for name in Settings.model_fields}
    assert {one.topic for one in deployment.subscriptions} <= settings
    assert {one.on for one in deployment.grants} <= set(deployment.settings) | {"RAW_BUCKET"}


@pytest.mark.parametrize(("service", "deployment"), SERVICES)
def test_who_has_the_database_may_reach_it(service: str, deployment: Deployment) -> None:
    reaches = any(one.role == "roles/cloudsql.client" for one in deployment.grants)
    assert reaches == deployment.has_database


@pytest.mark.parametrize(("service", "deployment"), FUNCTIONS)
def test_who_calls_a_service_may_do_so(service: str, deployment: Deployment) -> None:
    called = {address_variable(name) for name in functions()} & set(deployment.settings)
    invoked = {one.on for one in deployment.grants if one.role == "roles/run.invoker"}
    assert called == invoked
    assert bool(called) <= ("SEND_IDENTITY_TOKEN" in deployment.settings)


@pytest.mark.parametrize(("function", "deployment"), FUNCTIONS)
def test_a_push_is_not_given_up_before_the_function_is(
    function: str, deployment: Deployment
) -> None:
    for subscription in deployment.subscriptions:
        # Pub/Sub waits for 600 s at most.
        ack_deadline_s = subscription.ack_deadline_s
        assert deployment.timeout_s < ack_deadline_s or ack_deadline_s == 600


def test_names_of_subscriptions_are_their_own() -> None:
    names = [one.name for _, deployment in SERVICES for one in deployment.subscriptions]
    assert len(names) == len(set(names))


def test_tables_that_are_written_are_there() -> None:
    assert {
        table for tables in writers().values() for table in tables
    } <= Base.metadata.tables.keys()


def test_only_the_job_is_the_owner_of_the_tables() -> None:
    with_database = {name for name, one in SERVICES if one.has_database}
    jobs = {name for name, one in SERVICES if one.kind is Kind.JOB}
    assert writers().keys() == with_database - jobs
    assert jobs == {"job-migrate"}


POOL = 6
"""Connections of an engine: `pool_size` and `max_overflow` of `database.engine`."""

OF_A_WORKER = {"gce-plate-solver": 2, "gce-light-curves": 3}
"""One at work, one that looks whether the database is there, one that keeps a claim."""

RESERVED = 10
"""Of PostgreSQL for its superuser, of operators, of the job."""


def test_all_instances_together_find_connections() -> None:
    flags = re.findall(r'"max_connections"\s+value = "(\d+)"', (INFRA / "database.tf").read_text())
    asked = sum(
        one.max_instances * OF_A_WORKER.get(name, min(one.concurrency, POOL))
        for name, one in SERVICES
        if one.has_database
    )
    assert asked + RESERVED <= int(*flags)


def test_address_variable() -> None:
    assert address_variable("cf-make-rgb-fits") == "MAKE_RGB_FITS_URL"
