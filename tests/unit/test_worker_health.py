"""What the worker answers over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from panoptes_network import config
from panoptes_network.worker import health
from tests.conftest import free_port


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    port = free_port()
    monkeypatch.setenv("HEALTH_PORT", str(port))
    config.settings.cache_clear()
    yield port
    config.settings.cache_clear()


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_ready_or_not(port: int, ready: bool, status: int) -> None:
    said: dict[str, Any] = {"ready": ready, "away": [] if ready else ["database"]}
    with health.answering(lambda: said) as served:
        assert served == port
        answer = requests.get(f"http://127.0.0.1:{port}/ready?now", timeout=5)
        assert (answer.status_code, answer.json()) == (status, said)
        answer = requests.get(f"http://127.0.0.1:{port}/health", timeout=5)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert requests.get(f"http://127.0.0.1:{port}/../etc", timeout=5).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/health", timeout=5)


@pytest.mark.usefixtures("port")
def test_no_port_no_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PORT", "0")
    config.settings.cache_clear()
    with health.answering(dict) as served:
        assert served is None
