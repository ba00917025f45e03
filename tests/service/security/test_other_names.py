"""A page whose name leads to this machine (DNS rebinding) reads nothing of what listens here."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from local.eventarc import create_app as create_eventarc
from tests.service.security.test_forged_tokens import FUNCTIONS, WEB
from tests.service.support.functions import refused
from tests.service.support.web_services import create_app

OURS = ("localhost", "127.0.0.1", "localhost:8083", "127.0.0.1:8083")
FOREIGN = ("evil.example", "evil.example:8083", "127.0.0.1.evil.example", "localhost.evil.example")


@pytest.mark.parametrize("service", FUNCTIONS)
@pytest.mark.parametrize("path", ["/", "/health", "/metrics"])
def test_a_function_is_not_called_by_another_name(
    function: Callable[[str], FlaskClient], service: str, path: str
) -> None:
    client = function(service)
    for name in FOREIGN:
        for method in ("GET", "POST"):
            answer = client.open(path, method=method, json={}, headers={"Host": name})
            assert refused(answer, 421)[0] == "bad_request"
    for name in OURS:
        assert client.get("/health", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize("service", WEB)
def test_a_web_service_is_not_called_by_another_name(
    service: str, set_env: Callable[..., None]
) -> None:
    set_env(PUBLIC_URL="https://panoptes.example/")
    client = create_app(service).test_client()
    for name in FOREIGN:
        answer = client.get("/health", headers={"Host": name})
        assert answer.status_code == 421
    for name in (*OURS, "panoptes.example"):
        assert client.get("/health", headers={"Host": name}).status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    answer = client.get("/health", headers={"Host": "10.0.0.7"}, environ_base=elsewhere)
    assert answer.status_code == 200


def test_nobody_forges_events_under_another_name() -> None:
    client = create_eventarc().test_client()
    assert client.post("/", json={}, headers={"Host": "evil.example"}).status_code == 421
    assert client.post("/", json={}).status_code == 204
