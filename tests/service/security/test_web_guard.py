"""What every web service has around its answers: strict headers, a limit, a trace, counters."""

import json
import logging
from collections.abc import Callable

import pytest
import requests
from flask import Flask, Response

from panoptes_network.telemetry import log
from panoptes_network.web import security
from tests.conftest import free_port
from tests.service.functions.test_probes import samples, scrape
from tests.service.support.functions import served
from tests.service.support.issuer import Issuer, bearer
from tests.service.support.web_services import create_app

SERVICES = ("observations-data", "observations-explorer")
POLICY = "default-src 'none'"
STRICT = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

Make = Callable[..., Flask]


@pytest.fixture
def make(set_env: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a service with these settings; its log ends with the test."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    def app(**settings: object) -> Flask:
        set_env(**settings)
        log.setup("observations-test")
        made = Flask("test")
        made.add_url_rule("/", "home", lambda: "home")
        kept = Response("x", headers={"Cache-Control": "max-age=9"})
        made.add_url_rule("/kept", "kept", lambda: kept)
        made.add_url_rule("/items/<name>", "item", lambda name: name)
        security.secure(made, POLICY)
        return made

    return app


def answers(app: Flask, number: int, path: str = "/", **headers: str) -> list[int]:
    client = app.test_client()
    return [client.get(path, headers=headers).status_code for _ in range(number)]


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [("/", 200, "no-cache"), ("/gone", 404, "no-store"), ("/kept", 200, "max-age=9")],
)
def test_every_answer_has_the_strict_headers_once(
    make: Make, path: str, status: int, kept: str
) -> None:
    answer = make().test_client().get(path)
    assert answer.status_code == status
    for name, value in {**STRICT, "Cache-Control": kept}.items():
        assert answer.headers.getlist(name) == [value]
    assert "Strict-Transport-Security" not in answer.headers


def test_https_is_asked_for_where_it_is_spoken(make: Make) -> None:
    told = {"X-Forwarded-Proto": "https"}
    behind = make(TRUSTED_PROXIES=1).test_client()
    assert behind.get("/", headers=told).headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in behind.get("/").headers
    # Nobody has put this header there but the client.
    alone = make(TRUSTED_PROXIES=0).test_client()
    assert "Strict-Transport-Security" not in alone.get("/", headers=told).headers


def test_an_address_that_asks_too_often_has_to_wait(make: Make) -> None:
    app = make(RATE_LIMIT="3 per hour")
    assert answers(app, 5) == [200, 200, 200, 429, 429]
    answer = app.test_client().get("/")
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_limit_holds_for_each_address_by_itself(make: Make) -> None:
    app = make(RATE_LIMIT="2 per hour", TRUSTED_PROXIES=1)
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8:1:1::1"):
        assert answers(app, 3, **{"X-Forwarded-For": address}) == [200, 200, 429]
    # A client has a whole /64; what it says itself stands before what the proxy says.
    assert answers(app, 1, **{"X-Forwarded-For": "2001:db8:1:1:ffff::2"}) == [429]
    assert answers(app, 1, **{"X-Forwarded-For": "2001:db8:1:2::1"}) == [200]
    assert answers(app, 1, **{"X-Forwarded-For": "198.51.100.7, 192.0.2.1"}) == [429]
    assert answers(app, 3, **{"X-Forwarded-For": "nonsense"}) == [200, 200, 429]


def test_a_client_cannot_choose_its_address(make: Make) -> None:
    app = make(RATE_LIMIT="1 per hour", TRUSTED_PROXIES=0)
    assert answers(app, 1, **{"X-Forwarded-For": "192.0.2.1"}) == [200]
    assert answers(app, 1, **{"X-Forwarded-For": "192.0.2.2"}) == [429]


def test_after_a_while_an_address_may_ask_again(make: Make) -> None:
    app = make(RATE_LIMIT="2 per second")
    with served(app) as url:
        # Windows begin with the clock's seconds: three requests may meet two of them.
        answer = requests.get(url, timeout=5)
        while answer.status_code == 200:
            answer = requests.get(url, timeout=5)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        while answer.status_code == 429:
            answer = requests.get(url, timeout=5)
    assert answer.status_code == 200


def test_a_wrong_limit_is_refused_at_the_start(make: Make) -> None:
    with pytest.raises(ValueError, match="many"):
        make(RATE_LIMIT="many")


def test_requests_are_counted_and_logged_by_their_route(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    client = make(RATE_LIMIT="5 per hour").test_client()
    trace = {"X-Cloud-Trace-Context": f"{'a1' * 16}/7;o=1"}
    for name in "abc":
        client.get(f"/items/{name}?token=s3cret", headers=trace)
    client.get("/gone")
    text = scrape(client)
    assert client.get("/").status_code == 429
    ours = {"service": "observations-test"}
    count = "panoptes_requests_total"
    assert samples(text, count, route="/items/<name>", status="200", **ours)[0].value == 3
    assert samples(text, count, route="none", status="404", **ours)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == [
        *(f"GET /items/{name}: 200" for name in "abc"),
        "GET /gone: 404",
        "GET /: 429",
    ]
    assert lines[0]["logging.googleapis.com/trace"].endswith("a1" * 16)
    assert lines[0]["logging.googleapis.com/spanId"] == "0000000000000007"
    assert lines[-1]["reason_code"] == "too_many_requests"
    assert all(line["service"] == "observations-test" for line in lines)
    assert all(line["duration_s"] >= 0 for line in lines)


def test_counters_are_for_callers_where_some_are_named(make: Make, issuer: Issuer) -> None:
    client = make().test_client()
    assert client.get("/").status_code == 200
    assert client.get("/metrics").status_code == 401
    stranger = bearer(issuer.token(email="stranger@gmail.com"))
    assert client.get("/metrics", headers=stranger).status_code == 403
    assert client.get("/metrics", headers=bearer(issuer.token())).status_code == 200
    url = f"http://127.0.0.1:{free_port()}/certs"
    away = make(TOKEN_ISSUER_CERTS_URL=url).test_client()
    answer = away.get("/metrics", headers=bearer(issuer.token()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


@pytest.mark.parametrize("service", SERVICES)
def test_each_web_service_is_guarded(
    set_env: Callable[..., None], make: Make, service: str
) -> None:
    set_env(RATE_LIMIT="2 per hour")
    client = create_app(service).test_client()
    answer = client.get("/metrics")
    assert set(answer.headers.keys()) >= STRICT.keys()
    assert f'service="{service}"' in client.get("/metrics").text
    refused = client.get("/")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    kind = "application/problem+json" if service == "observations-data" else "text/html"
    assert refused.mimetype == kind
