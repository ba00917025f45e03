"""Frames that several tests look at, each rendered once. No unit test has a server."""

import pytest

from tests.unit.plate_solver_fields import HIGH_LATITUDE, MILKY_WAY, Field, render


@pytest.fixture(scope="session")
def high_latitude(tmp_path_factory: pytest.TempPathFactory) -> Field:
    return render(HIGH_LATITUDE, tmp_path_factory.mktemp("high_latitude"))


@pytest.fixture(scope="session")
def milky_way(tmp_path_factory: pytest.TempPathFactory) -> Field:
    return render(MILKY_WAY, tmp_path_factory.mktemp("milky_way"))


@pytest.fixture(scope="session")
def cluster() -> None:
    pytest.fail("a unit test starts no server, for `make test-fast`: tests/service is its place")


@pytest.fixture(scope="session")
def storage_port() -> None:
    pytest.fail("a unit test starts no server, for `make test-fast`: tests/service is its place")
