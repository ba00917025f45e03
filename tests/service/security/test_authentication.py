"""Who may call a function: real tokens, signed by an issuer with real keys."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from google.auth.compute_engine import _metadata
from werkzeug.test import TestResponse

from panoptes_network.config import settings
from panoptes_network.events import ImageObject
from panoptes_network.web import endpoint, identity_token
from tests.conftest import free_port
from tests.service.functions.test_bucket_upload import RESOURCE, deliver
from tests.service.support.functions import (
    PATH,
    ROOT,
    FaultyService,
    Network,
    asks_to_come_again,
    create_function,
    frame,
    push,
    refused,
    served,
)
from tests.service.support.issuer import (
    AUDIENCE,
    CALLER,
    PLATFORM,
    Issuer,
    Key,
    bearer,
    host,
    unsigned,
)

FUNCTIONS = sorted(main.parent.name for main in ROOT.glob("cf-*/main.py"))


@pytest.fixture(scope="module")
def other_key() -> Key:
    return Key("key-2")


@pytest.fixture
def client(network: Network, function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-image-received")


def ask(client: FlaskClient, token: str | None, **headers: str) -> TestResponse:
    given = {**(bearer(token) if token is not None else {}), **headers}
    return client.post("/", json={"bucket_path": "../x"}, headers=given)


def is_let_in(answer: TestResponse) -> bool:
    return refused(answer, 422)[0] == "bad_path"


@pytest.mark.parametrize("service", FUNCTIONS)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("GET", "/"), ("PUT", "/any/path"), ("POST", "/health"), ("GET", "/metrics")],
)
def test_each_function_refuses_a_call_without_a_token(
    issuer: Issuer, function: Callable[[str], FlaskClient], service: str, method: str, path: str
) -> None:
    answer = function(service).open(path, method=method, data=b"{")
    assert refused(answer, 401)[0] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("service", FUNCTIONS)
def test_each_function_refuses_a_stranger_and_lets_callers_in(
    issuer: Issuer, function: Callable[[str], FlaskClient], service: str
) -> None:
    client, stranger = function(service), issuer.token(email="stranger@gmail.com")
    answer = client.post("/", data=b"{", headers=bearer(stranger))
    assert refused(answer, 403)[0] == "forbidden"
    assert "WWW-Authenticate" not in answer.headers
    answer = client.post("/", data=b"{", headers=bearer(issuer.token()))
    assert answer.status_code in {400, 404, 415}  # for what it sent


def test_an_event_without_a_token_is_refused(
    issuer: Issuer, function: Callable[[str], FlaskClient], faulty: FaultyService
) -> None:
    client = function("cf-bucket-upload")
    assert refused(deliver(client, RESOURCE), 401)[0] == "unauthenticated"
    assert faulty.received == []
    assert deliver(client, RESOURCE, **bearer(issuer.token())).status_code == 200
    assert len(faulty.received) == 1


def test_a_push_without_a_token_comes_again(issuer: Issuer, client: FlaskClient) -> None:
    assert client.post("/", json=push({"bucket_path": PATH})).status_code == 401


def test_nobody_is_asked_where_no_caller_is_named(client: FlaskClient) -> None:
    assert is_let_in(ask(client, None))
    assert is_let_in(ask(client, "nonsense"))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://another-service.example"},
        {"aud": [AUDIENCE]},
        {"without": "aud"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": time.time() - 3600},
        {"exp": "later"},
        {"exp": None},
        {"without": "exp"},
        {"iat": time.time() + 3600},
        {"iat": {}},
        {"without": "iat"},
        {"email": 5},
        {"without": "email"},
        {"email_verified": "true"},
        {"without": "email_verified"},
    ],
)
def test_a_token_that_is_not_valid_here_is_refused(
    issuer: Issuer, client: FlaskClient, changed: dict[str, Any]
) -> None:
    assert refused(ask(client, issuer.token(**changed)), 401)[0] == "unauthenticated"


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "stranger@gmail.com"},
        {"email": CALLER.upper()},
        {"email": ""},
        {"email": f"{CALLER},someone@else.example"},
        {"email_verified": False},
    ],
)
def test_a_token_of_somebody_else_is_refused(
    issuer: Issuer, client: FlaskClient, changed: dict[str, Any]
) -> None:
    assert refused(ask(client, issuer.token(**changed)), 403)[0] == "forbidden"


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": lambda: time.time() - 5},
        {"iat": lambda: time.time() + 5},
        {"iss": "accounts.google.com"},
        {"aud": "https://older.example"},
        {"email": "someone@else.example"},
    ],
)
def test_a_token_that_is_nearly_over_or_new_is_taken(
    issuer: Issuer, client: FlaskClient, changed: dict[str, Any]
) -> None:
    claims = {name: value() if callable(value) else value for name, value in changed.items()}
    assert is_let_in(ask(client, issuer.token(**{"iat": time.time() - 60, **claims})))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a.b",
        "Bearer a.b.c.d",
        "Bearer ..",
        "Bearer \u00e9.\u00e9.\u00e9",
        "Bearer " + encoded({"alg": "none"}) + "." + encoded({}) + ".",
        "Bearer " + encoded([]) + "." + encoded([]) + ".x",
        "Bearer " + encoded({"alg": "HS256", "kid": "key-1"}) + "." + encoded({}) + ".x",
        "Bearer " + encoded({"alg": "RS256", "kid": ["key-1"]}) + "." + encoded({}) + ".x",
        "Bearer " + encoded({"alg": {}, "kid": "key-1"}) + "." + encoded({}) + ".x",
        "Bearer " + base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.x",
    ],
)
def test_what_is_no_token_is_refused(issuer: Issuer, client: FlaskClient, value: str) -> None:
    answer = client.post("/", json={}, headers={"Authorization": value})
    assert refused(answer, 401)[0] == "unauthenticated"


def test_a_forged_signature_is_refused(issuer: Issuer, other_key: Key, client: FlaskClient) -> None:
    forged = [
        issuer.token(key=other_key),
        issuer.token(key=Key("key-1", other_key.private)),
        unsigned(issuer.token()),
        issuer.token()[:-8],
    ]
    header, _, signature = issuer.token().split(".")
    payload = issuer.token(email="someone@else.example").split(".")[1]
    for token in [*forged, f"{header}.{payload}.{signature}"]:
        assert refused(ask(client, token), 401)[0] == "unauthenticated"


def test_certificates_are_kept_for_as_long_as_their_issuer_says(
    issuer: Issuer, client: FlaskClient
) -> None:
    for _ in range(3):
        assert is_let_in(ask(client, issuer.token()))
    assert len(issuer.asked) == 1
    issuer.status = 500
    assert is_let_in(ask(client, issuer.token()))


def test_new_certificates_are_fetched_when_the_old_ones_are_over(
    issuer: Issuer, other_key: Key, client: FlaskClient
) -> None:
    issuer.max_age_s = 0
    assert is_let_in(ask(client, issuer.token()))
    issuer.key = other_key
    assert is_let_in(ask(client, issuer.token()))
    assert len(issuer.asked) == 2


@pytest.mark.parametrize(("status", "body"), [(500, None), (404, None), (200, b"<"), (200, b"[]")])
def test_an_issuer_with_a_fault_refuses_nobody_for_good(
    issuer: Issuer, client: FlaskClient, status: int, body: bytes | None
) -> None:
    issuer.status, issuer.body = status, body
    assert asks_to_come_again(ask(client, issuer.token()))
    issuer.status, issuer.body = 200, None
    assert is_let_in(ask(client, issuer.token()))


def test_an_issuer_that_is_away_refuses_nobody_for_good(
    issuer: Issuer, client: FlaskClient, set_env: Callable[..., None]
) -> None:
    set_env(TOKEN_ISSUER_CERTS_URL=f"http://127.0.0.1:{free_port()}/certs")
    assert asks_to_come_again(ask(client, issuer.token()))


def test_a_body_is_not_read_before_the_caller_is_known(issuer: Issuer, client: FlaskClient) -> None:
    class Unread:
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body has been read")

    body = {"wsgi.input": Unread(), "CONTENT_LENGTH": "10000000"}
    answer = client.post("/", environ_overrides=body)
    assert refused(answer, 401)[0] == "unauthenticated"


def test_a_service_without_an_address_of_its_own_answers_nobody(
    issuer: Issuer, client: FlaskClient, set_env: Callable[..., None]
) -> None:
    set_env(TOKEN_AUDIENCE="")
    assert ask(client, issuer.token()).status_code == 500


def test_a_main_that_sets_nothing_up_answers_nobody(issuer: Issuer) -> None:
    app = Flask("main")

    @app.post("/")
    def function() -> Response:
        return endpoint.answer(request, ImageObject, lambda _: {}, "main")

    assert asks_to_come_again(ask(app.test_client(), issuer.token()))


@pytest.fixture
def platform(issuer: Issuer, set_env: Callable[..., None]) -> None:
    """Cloud Run, which has checked the token and taken its signature off."""
    set_env(TOKEN_CHECKED_BY_PLATFORM=True, K_SERVICE="cf-image-received")


def test_what_the_platform_has_checked_is_checked_for_its_claims(
    platform: None, issuer: Issuer, client: FlaskClient
) -> None:
    assert is_let_in(ask(client, unsigned(issuer.token())))
    assert issuer.asked == []
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"aud": "https://another-service.example"}, 401),
        ({"exp": time.time() - 3600}, 401),
        ({"iss": "https://evil.example"}, 401),
        ({"exp": float("nan")}, 401),
        ({"email": "stranger@gmail.com"}, 403),
        ({"email_verified": False}, 403),
    ]
    for changed, status in wrong:
        refused(ask(client, unsigned(issuer.token(**changed))), status)


def test_what_still_has_a_signature_is_verified_behind_the_platform_too(
    platform: None, issuer: Issuer, other_key: Key, client: FlaskClient
) -> None:
    assert is_let_in(ask(client, issuer.token()))
    assert len(issuer.asked) == 1
    unseen = issuer.token().rpartition(".")[0]
    for token in (issuer.token(key=other_key), f"{unseen}.", f"{unseen}.{PLATFORM.lower()}"):
        assert refused(ask(client, token), 401)[0] == "unauthenticated"


def test_the_platforms_own_header_is_the_one_that_it_has_checked(
    platform: None, issuer: Issuer, client: FlaskClient
) -> None:
    stranger = bearer(unsigned(issuer.token(email="stranger@gmail.com")))["Authorization"]
    theirs = {"X-Serverless-Authorization": stranger}
    refused(ask(client, unsigned(issuer.token()), **theirs), 403)


def test_nonsense_of_the_platforms_form_is_refused(platform: None, client: FlaskClient) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 5000).decode()
    for token in ("a.b.c", unsigned("x.y.z"), unsigned(f"e30.{deep}.z")):
        assert refused(ask(client, token), 401)[0] == "unauthenticated"


@pytest.fixture
def metadata(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, set_env: Callable[..., None]
) -> Iterator[Issuer]:
    """The metadata server of a machine, which gives out tokens."""
    identity_token._credentials.cache_clear()
    machine = Issuer(issuer.key)
    with served(machine) as url:
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", host(url))
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        set_env(SEND_IDENTITY_TOKEN=True, GCE_METADATA_IP=host(url))
        yield machine
    identity_token._credentials.cache_clear()


def identities(machine: Issuer) -> int:
    return sum(path.endswith("/identity") for path in machine.asked)


def test_each_hop_shows_who_calls(
    chain: Network, metadata: Issuer, set_env: Callable[..., None]
) -> None:
    with served(create_function("cf-image-received")) as url:
        set_env(
            IMAGE_RECEIVED_URL=url, TOKEN_AUDIENCE=f"{AUDIENCE},{url},{settings().header_to_db_url}"
        )
        client = create_function("cf-bucket-upload").test_client()
        generation = str(chain.upload(PATH, frame()))
        event = {"bucket": chain.bucket.name, "name": PATH, "generation": generation}
        for _ in range(2):
            assert deliver(client, event, **bearer(metadata.token())).status_code == 200
    # One for each of the two services that were called, kept for the second time.
    assert identities(metadata) == 2


def test_a_token_is_renewed_shortly_before_it_is_over(metadata: Issuer) -> None:
    metadata.lifetime_s = 100
    first = identity_token.headers("https://a.example/path?query")
    assert identity_token.headers("https://a.example").keys() == {"Authorization"}
    assert identities(metadata) == 2
    token = first["Authorization"].removeprefix("Bearer ")
    payload = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert payload["aud"] == "https://a.example"


def test_a_metadata_server_that_is_away_asks_for_another_try(
    client: FlaskClient, network: Network, metadata: Issuer, issuer: Issuer
) -> None:
    network.upload(PATH, frame())
    metadata.status = 500
    answer = client.post("/", json={"bucket_path": PATH}, headers=bearer(issuer.token()))
    assert asks_to_come_again(answer)


def test_no_token_is_fetched_on_one_machine() -> None:
    assert identity_token.headers("http://127.0.0.1:8081") == {}


def test_a_caller_that_is_not_let_in_asks_for_the_event_again(
    client: FlaskClient, network: Network, faulty: FaultyService
) -> None:
    network.upload(PATH, frame())
    for status in (401, 403):
        faulty.status = status
        assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))
