"""The commands of the converters' READMEs do what they say."""

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.service.support.functions import Network, create_function, run_readme, served
from tests.service.support.raw_frames import names

PRODUCTS = {
    "cf-make-fits": 1,
    "cf-make-rgb-fits": 3,
    "cf-make-jpg": 3,
}


@pytest.mark.parametrize("service", PRODUCTS)
def test_the_commands_of_a_converters_readme(
    network: Network, function: Callable[[str], FlaskClient], db: Engine, service: str
) -> None:
    function(service)  # which ends its log with the test
    variable = f"{service.removeprefix('cf-').replace('-', '_').upper()}_URL"
    with served(create_function(service)) as url:
        said = run_readme(service, **{variable: url})
    answer = json.loads(said[said.index("{") :])
    assert answer["made"] is True
    assert len(answer["paths"]) == PRODUCTS[service]
    assert set(answer["paths"]) <= {*names(network.bucket), *names(network.processed)}


def test_the_commands_of_the_films_readme(
    network: Network, function: Callable[[str], FlaskClient], db: Engine
) -> None:
    function("cf-make-timelapse")
    with served(create_function("cf-make-timelapse")) as url:
        said = run_readme("cf-make-timelapse", MAKE_TIMELAPSE_URL=url)
    assert json.loads(said) == {"announced": []}
