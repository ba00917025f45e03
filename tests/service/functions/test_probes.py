"""What a function answers beside its work: whether it lives, whether it can work, its counters."""

from collections.abc import Callable
from io import BytesIO
from itertools import chain as flat

import pytest
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from sqlalchemy import Engine

from panoptes_network.telemetry import metrics
from tests.conftest import free_port
from tests.service.security.test_authentication import FUNCTIONS
from tests.service.support.functions import Network, asks_to_come_again, frame, refused


def samples(text: str, name: str, **labels: str) -> list[Sample]:
    """Return the samples of a name that have these labels, among others."""
    families = text_string_to_metric_families(text)
    return [
        sample
        for sample in flat.from_iterable(family.samples for family in families)
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def scrape(client: FlaskClient) -> str:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    return answer.text


@pytest.mark.parametrize("service", FUNCTIONS)
def test_each_function_tells_that_it_lives(
    function: Callable[[str], FlaskClient], set_env: Callable[..., None], service: str
) -> None:
    # Cloud Run's probes have no identity.
    set_env(ALLOWED_CALLERS="a@b.example", TOKEN_AUDIENCE="https://a.example")  # noqa: S106
    answer = function(service).get("/health")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("service", FUNCTIONS)
def test_each_function_is_ready_while_all_that_it_needs_answers(
    chain: Network, db: Engine, function: Callable[[str], FlaskClient], service: str
) -> None:
    client = function(service)
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"}), answer.text


@pytest.mark.parametrize(
    ("service", "missing"),
    [
        ("cf-bucket-upload", ["cf-image-received"]),
        ("cf-image-received", ["storage", "topic", "cf-header-to-db"]),
        ("cf-header-to-db", ["storage", "topic", "database"]),
        ("cf-make-fits", ["storage", "database"]),
    ],
)
def test_a_function_is_not_ready_while_something_is_away(
    network: Network,
    function: Callable[[str], FlaskClient],
    set_env: Callable[..., None],
    storage_away: Callable[[], None],
    database_away: Callable[[], None],
    service: str,
    missing: list[str],
) -> None:
    storage_away()
    database_away()
    gone = f"http://127.0.0.1:{free_port()}"
    set_env(IMAGE_RECEIVED_URL=gone, HEADER_TO_DB_URL=gone, RAW_TOPIC="gone", PIPELINE_TOPIC="gone")
    client = function(service)
    answer = client.get("/ready")
    assert asks_to_come_again(answer)
    assert refused(answer, 503) == ("try_again", f"not available: {', '.join(missing)}")
    assert client.get("/health").status_code == 200


def test_requests_are_counted_by_what_came_of_them(
    chain: Network, db: Engine, function: Callable[[str], FlaskClient]
) -> None:
    path = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits"
    chain.upload(path, frame())
    client = function("cf-image-received")
    before = scrape(client)
    for body in ({"bucket_path": path}, {"bucket_path": "../x"}, {"bucket_path": "../y"}):
        client.post("/", json=body)
    client.post("/any/other/path", json={})
    after = scrape(client)

    def counted(name: str, **labels: str) -> float:
        ours = {"service": "cf-image-received", **labels}
        sums = [sum(s.value for s in samples(text, name, **ours)) for text in (before, after)]
        return sums[1] - sums[0]

    count = "panoptes_requests_total"
    assert counted(count, route="/", status="200", reason="") == 1
    assert counted(count, route="/", status="422", reason="bad_path") == 2
    assert counted(count, route="/<path:path>", status="400", reason="bad_request") == 1
    assert counted("panoptes_request_seconds_count", route="/", status="422") == 2
    assert 0 < counted("panoptes_request_seconds_sum", route="/") < 60


def test_no_request_can_add_labels_of_its_own(function: Callable[[str], FlaskClient]) -> None:
    client = function("cf-image-received")
    client.post("/")
    client.post("/some/path", json={})
    before = scrape(client).count("panoptes_request")
    for number in range(20):
        client.open(f"/{number}/x", method=f"M{number}", headers={"X": str(number)}, json={})
    assert scrape(client).count("panoptes_request") == before


def test_a_service_adds_gauges_that_are_read_when_asked_for(
    function: Callable[[str], FlaskClient],
) -> None:
    client = function("cf-bucket-upload")
    values: dict[tuple[str, ...], float] = {("solved",): 3.0, ('odd "state"\n',): 1.0}
    metrics.add_gauge("panoptes_test_images", "Images.", ["state"], lambda: values)
    metrics.add_gauge("panoptes_test_age_seconds", "Age.", [], lambda: {(): 1.5})
    assert samples(scrape(client), "panoptes_test_images", state='odd "state"\n')[0].value == 1
    values["solved",] = 4.0
    text = scrape(client)
    assert samples(text, "panoptes_test_images", state="solved")[0].value == 4
    assert samples(text, "panoptes_test_age_seconds")[0].value == 1.5


def test_a_gauge_that_cannot_be_read_is_left_out(
    function: Callable[[str], FlaskClient], capsys: pytest.CaptureFixture[str]
) -> None:
    def away() -> dict[tuple[str, ...], float]:
        raise OSError("the database is unavailable")

    client = function("cf-bucket-upload")
    metrics.add_gauge("panoptes_test_gone", "Gone.", [], away)
    metrics.add_gauge("panoptes_test_there", "There.", [], lambda: {(): 1.0})
    text = scrape(client)
    assert samples(text, "panoptes_test_there")
    assert not samples(text, "panoptes_test_gone")
    assert "panoptes_test_gone cannot be read" in capsys.readouterr().out
    # Added again, it takes the place of the one before.
    metrics.add_gauge("panoptes_test_gone", "Gone.", [], lambda: {(): 2.0})
    assert samples(scrape(client), "panoptes_test_gone")[0].value == 2


@pytest.mark.parametrize("service", ["cf-bucket-upload", "cf-image-received"])
def test_no_more_than_the_limit_is_read_of_a_body(
    function: Callable[[str], FlaskClient], service: str
) -> None:
    client, event = function(service), {"ce-id": "1", "ce-specversion": "1.0"}
    headers = {**event, "ce-type": "t", "ce-source": "s", "content-type": "application/json"}
    answer = client.post("/", data=b" " * 2_000_001, headers=headers)
    assert refused(answer, 413)[0] == "too_large"
    body = BytesIO(b" " * 5_000_000)
    chunked = {"wsgi.input": body, "wsgi.input_terminated": True}
    assert client.post("/", headers=headers, environ_overrides=chunked).status_code == 413
    assert body.tell() <= 2_000_001  # the one that tells that it is too long


@pytest.mark.parametrize("event", [{"ce-id": "1", "ce-specversion": "1.0"}, {}])
@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json"])
def test_an_event_may_be_nested_as_deeply_as_it_likes(
    function: Callable[[str], FlaskClient], event: dict[str, str], kind: str
) -> None:
    headers = {**event, "ce-type": "t", "ce-source": "s", "content-type": kind}
    answer = function("cf-bucket-upload").post("/", data=b"[" * 100_000, headers=headers)
    assert refused(answer, 400)[0] == "bad_request"
