"""The functions' deploy files: whole, and in agreement with what the functions read and are."""

import ast
from pathlib import Path

import pytest

from local.deployment import Deployment, address_variable, deployments
from panoptes_network.config import Settings
from tests.unit.test_config import settings_read_by

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(deployments().items())


@pytest.mark.parametrize(("function", "deployment"), FUNCTIONS)
def test_the_entry_point_is_there(function: str, deployment: Deployment) -> None:
    main = ast.parse((ROOT / function / "main.py").read_text())
    defined = {node.name for node in main.body if isinstance(node, ast.FunctionDef)}
    assert deployment.entry_point in defined
    # The network on one machine, and the tests, find it by the folder's name.
    assert deployment.entry_point == function.removeprefix("cf-").replace("-", "_")


@pytest.mark.parametrize(("function", "deployment"), FUNCTIONS)
def test_a_function_gets_the_settings_that_it_reads(function: str, deployment: Deployment) -> None:
    read = {name.upper() for name in settings_read_by(ROOT / function)}
    assert set(deployment.settings) == read


@pytest.mark.parametrize(("function", "deployment"), FUNCTIONS)
def test_topics_and_grants_name_settings(function: str, deployment: Deployment) -> None:
    settings = {name.upper() for name in Settings.model_fields}
    assert {one.topic for one in deployment.subscriptions} <= settings
    assert {one.on for one in deployment.grants} <= set(deployment.settings) | {"RAW_BUCKET"}


@pytest.mark.parametrize(("function", "deployment"), FUNCTIONS)
def test_a_push_is_not_given_up_before_the_function_is(
    function: str, deployment: Deployment
) -> None:
    for subscription in deployment.subscriptions:
        assert subscription.ack_deadline_s == min(deployment.timeout_s, 600)


def test_names_of_subscriptions_are_their_own() -> None:
    names = [one.name for _, deployment in FUNCTIONS for one in deployment.subscriptions]
    assert len(names) == len(set(names))


def test_address_variable() -> None:
    assert address_variable("cf-make-rgb-fits") == "MAKE_RGB_FITS_URL"
