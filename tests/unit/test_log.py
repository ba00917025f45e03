"""The lines of the log: JSON as Cloud Logging reads it, with the work's trace, without secrets."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from panoptes_network.config import Settings
from panoptes_network.telemetry import log, trace

LINK_TOKEN = "0123456789abcdef" * 2
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJlbWFpbCI6ImEifQ.c2lnbmF0dXJl"  # noqa: S105


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[], logging.Logger]:
    """Set a log up, which ends with the test."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    return lambda: log.setup("cf-test")


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().out)
    return line


def test_a_line_has_its_service_and_its_work(
    start: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    logger = start()
    with trace.work(image_id="noted", bucket_path="p"):
        logger.warning("said", extra={"image_id": "own", "reason_code": "bad_path"})
        fields = trace.log_fields()
    line = last_line(capsys)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        **fields,
        "severity": "WARNING",
        "message": "said",
        "name": "cf-test",
        "service": "cf-test",
        "image_id": "own",
        "reason_code": "bad_path",
    }


def test_a_library_s_line_has_them_too(
    start: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    with trace.work(service="cf-other"):
        logging.getLogger("some.library").error("oh\nno")
    line = last_line(capsys)
    assert (line["name"], line["service"], line["message"]) == (
        "some.library",
        "cf-other",
        "oh\nno",
    )


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        (f"{{'authorization': 'bearer {TOKEN}'}}", TOKEN),
        (f"the token {TOKEN} is over", TOKEN),
        ("Bearer ya29.a0AfH6SMBx-y_z", "a0AfH6SMBx"),
        ("got ya29.a0AfH6SMBx-y_z", "a0AfH6SMBx"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ("postgresql+pg8000://me:s3cr%40t!@10.0.0.1/metadata is away", "s3cr%40t!"),
        ("postgresql+pg8000://:s3cret@/metadata?host=/cloudsql", "s3cret"),
        ("https://a.example/x?access_token=abc&y=1", "abc&"),
        ("connect(user='me', password=s3cret, port=1)", "s3cret"),
        (f"PUT /unsubscribe/{LINK_TOKEN}: 405", LINK_TOKEN),
        (f"GET /api/unsubscribe/{LINK_TOKEN}: 200", LINK_TOKEN),
        (f"Exception on /unsubscribe/{LINK_TOKEN} [POST]", LINK_TOKEN),
    ],
)
def test_no_secret_reaches_the_log(
    start: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str], said: str, secret: str
) -> None:
    logger = start()
    logger.error("%s", said)
    logger.error("said", extra={"about": {"list": [said]}})
    try:
        raise ValueError(said)  # noqa: TRY301
    except ValueError:
        logger.exception("failed")
    out = capsys.readouterr().out
    assert secret not in out
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 3
    assert "secret" in lines[0]["message"]
    assert "[secret]" in lines[2]["exc_info"]


@pytest.mark.parametrize(
    "said",
    [
        "http://127.0.0.1:8081 does not answer",
        "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits",
        "//storage.googleapis.com/projects/_/buckets/panoptes-raw",
        "at 12:30:15@site",
        "basic facts, bearer of news",
        "GET /unsubscribe: 404",
    ],
)
def test_what_is_no_secret_is_logged_as_it_is(
    start: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str], said: str
) -> None:
    logger = start()
    logger.info(said)
    assert last_line(capsys)["message"] == said


def test_a_wrong_setting_is_named_without_the_others(
    start: Callable[[], logging.Logger],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logger = start()
    monkeypatch.setenv("DATABASE_URL", "postgresql+pg8000://me:s3cret@h/metadata")
    monkeypatch.setenv("ALLOWED_CALLERS", "a@b.example")
    try:
        Settings()
    except ValueError:
        logger.exception("wrong settings")
    out = capsys.readouterr().out
    assert "token_audience" in out
    assert "s3cret" not in out
    assert "h/metadata" not in out
