import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from deployment.service import writers
from local.components import PREFERRED_PORTS, components, network_env, shared_env
from local.postgres import OWNER
from local.state import NetworkError
from panoptes_network.config import Settings


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANOPTES_LOCAL_DIR", str(tmp_path))
    for name in ("PUBSUB", "PUBSUB_EMULATOR_HOST", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def foreign_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
        yield address


def _names() -> list[str]:
    return [c.name for c in components(PREFERRED_PORTS, network_env(PREFERRED_PORTS))]


def test_each_address_of_the_settings_is_written() -> None:
    env = network_env(PREFERRED_PORTS)
    # PUBLIC_URL differs by service.
    ours = {
        name
        for name, field in Settings.model_fields.items()
        if field.default and "://www." not in str(field)
    }
    assert {name.upper() for name in ours if re.search("_url|_bucket", name)} <= env.keys()


def test_a_component_starts_after_what_it_needs() -> None:
    seen: set[str] = set()
    for component in components(PREFERRED_PORTS, network_env(PREFERRED_PORTS)):
        assert seen.issuperset(component.after), component.name
        seen.add(component.name)


def test_every_port_is_a_components() -> None:
    parts = components(PREFERRED_PORTS, network_env(PREFERRED_PORTS))
    assert {part.name: part.port for part in parts if part.port} == PREFERRED_PORTS


def test_psql_finds_the_database_of_the_services() -> None:
    env = network_env(PREFERRED_PORTS)
    url = make_url(env["DATABASE_URL"])
    found = [env[f"PG{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE")]
    assert found == [url.host, str(url.port), url.username, url.password, url.database]


def test_each_component_knows_its_own_password_only(monkeypatch: pytest.MonkeyPatch) -> None:
    env = network_env(PREFERRED_PORTS)
    owners = {"DATABASE_URL", *(name for name in env if name.startswith("PG"))}
    for name in owners:
        monkeypatch.setenv(name, env[name])  # as in a shell with .local/env
    assert not owners & shared_env(env).keys()
    parts = components(PREFERRED_PORTS, env)
    users = {p.name: make_url(p.env["DATABASE_URL"]) for p in parts if "DATABASE_URL" in p.env}
    assert {name: url.username for name, url in users.items()} == {
        "database": OWNER,
        **{name: name for name in writers()},
    }
    passwords = {str(url.password) for url in users.values()}
    assert len(passwords) == len(users)
    for part in parts:
        assert not [word for word in part.command if any(one in word for one in passwords)]


def test_an_emulator_that_is_set_wins(foreign_emulator: str) -> None:
    assert network_env(PREFERRED_PORTS)["PUBSUB_EMULATOR_HOST"] == foreign_emulator
    assert "pubsub" not in _names()


def test_our_own_address_of_an_earlier_run_is_no_foreign_emulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{PREFERRED_PORTS['pubsub']}")
    assert "pubsub" in _names()


@pytest.mark.parametrize("address", ["localhost:1", "localhost", ":8085", "localhost:999999"])
def test_an_emulator_that_is_not_there_is_said_so(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    with pytest.raises(NetworkError, match="PUBSUB_EMULATOR_HOST"):
        _names()


@pytest.mark.parametrize(("missing", "named"), [("gcloud", "Google Cloud CLI"), ("java", "Java")])
def test_googles_emulator_is_refused_where_it_cannot_run(
    monkeypatch: pytest.MonkeyPatch, missing: str, named: str
) -> None:
    monkeypatch.setenv("PUBSUB", "google")
    monkeypatch.setattr(shutil, "which", lambda name: None if name == missing else f"/bin/{name}")
    with pytest.raises(NetworkError, match=named):
        _names()
