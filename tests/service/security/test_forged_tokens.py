"""Every service refuses tokens that nobody has signed for it, in each form it is deployed in."""

import base64
import json
import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.service.support.functions import ROOT
from tests.service.support.issuer import Issuer, Key, bearer, unsigned
from tests.service.support.web_services import create_app

FUNCTIONS = sorted(main.parent.name for main in ROOT.glob("cf-*/main.py"))
WEB = sorted(main.parent.name for main in ROOT.glob("observations-*/main.py"))
PLATFORM = {"TOKEN_CHECKED_BY_PLATFORM": "true", "K_SERVICE": "a-service"}
FORGED: dict[str, Callable[[Issuer], str]] = {
    "signed by somebody else": lambda issuer: issuer.token(key=Key("key-1", _theirs().private)),
    "signed with a key of no certificate": lambda issuer: issuer.token(key=_theirs()),
    "with no algorithm": lambda issuer: _without_algorithm(issuer.token(), ""),
    "with no algorithm and some signature": lambda issuer: _without_algorithm(
        issuer.token(), issuer.token().rpartition(".")[2]
    ),
    "with its signature cut off": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "with another's claims": lambda issuer: _with_claims_of(issuer.token(), issuer.token(exp=9e9)),
}
INVALID: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(exp=time.time() - 3600),
    "for another service": lambda issuer: issuer.token(aud="https://elsewhere.example"),
    "by another issuer": lambda issuer: issuer.token(iss="https://evil.example"),
}
_KEYS: list[Key] = []


def _theirs() -> Key:
    """Return a key of somebody else's; one takes a while to make."""
    if not _KEYS:
        _KEYS.append(Key("key-2"))
    return _KEYS[0]


def _without_algorithm(token: str, signature: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode()
    return f"{header.rstrip('=')}.{token.split('.')[1]}.{signature}"


def _with_claims_of(token: str, other: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{other.split('.')[1]}.{signature}"


@pytest.fixture(params=[*FUNCTIONS, *WEB])
def metrics(
    request: pytest.FixtureRequest, function: Callable[[str], FlaskClient]
) -> Callable[[str | None], int]:
    """Ask a service for its metrics with a token, and return the answer's status."""
    service = request.param
    client = function(service) if service in FUNCTIONS else create_app(service).test_client()

    def ask(token: str | None) -> int:
        return client.get("/metrics", headers=bearer(token) if token else {}).status_code

    return ask


@pytest.mark.parametrize("platform", [{}, PLATFORM], ids=["verified here", "behind Cloud Run"])
def test_a_forged_token_is_refused(
    issuer: Issuer,
    metrics: Callable[[str | None], int],
    set_env: Callable[..., None],
    platform: dict[str, str],
) -> None:
    set_env(**platform)
    tokens = {name: make(issuer) for name, make in {**FORGED, **INVALID}.items()}
    assert {name: metrics(token) for name, token in tokens.items()} == dict.fromkeys(tokens, 401)
    assert metrics(None) == 401
    assert metrics(issuer.token()) == 200
    assert metrics(issuer.token(email="stranger@gmail.com")) == 403


def test_only_a_private_service_believes_the_platform(
    issuer: Issuer,
    metrics: Callable[[str | None], int],
    set_env: Callable[..., None],
    request: pytest.FixtureRequest,
) -> None:
    token = unsigned(issuer.token())
    assert metrics(token) == 401
    set_env(**PLATFORM)
    assert metrics(token) == (401 if request.node.callspec.params["metrics"] in WEB else 200)
    assert {name: metrics(unsigned(make(issuer))) for name, make in INVALID.items()} == (
        dict.fromkeys(INVALID, 401)
    )


def test_on_cloud_run_nobody_is_let_in_where_no_caller_is_named(
    metrics: Callable[[str | None], int], set_env: Callable[..., None]
) -> None:
    assert metrics(None) == 200
    set_env(K_SERVICE="a-service")
    assert metrics(None) == 403


@pytest.mark.parametrize("service", WEB)
def test_metrics_without_callers_stay_on_this_machine(
    service: str, set_env: Callable[..., None]
) -> None:
    client = create_app(service).test_client()
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/metrics", environ_base=elsewhere).status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert client.get("/metrics", headers={"Via": "1.1 proxy"}).status_code == 403
    set_env(TRUSTED_PROXIES=1)
    assert create_app(service).test_client().get("/metrics").status_code == 403
