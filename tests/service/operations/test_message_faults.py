"""A message that cannot be sent keeps no other from being sent, and tells no secret."""

from typing import NoReturn

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.errors import TransientError
from panoptes_network.notices import nights, outbox, tick
from panoptes_network.notices.letter import BeforeSending, Letter
from tests.service.operations.messages import OWNER, SetEnv, let_pass, notify, states, tell
from tests.service.support.functions import FaultyService
from tests.service.support.mail_server import Mailbox
from tests.service.support.operations import change, rows
from tests.service.support.web_services import create_app

TOKEN = "0123456789abcdef" * 2


def break_down(*_: object) -> NoReturn:
    raise RuntimeError("a fault that nobody thought of")


@pytest.mark.parametrize("host", ["hooks..example.org", f"{'a' * 64}.example.org"])
def test_a_host_that_no_dns_can_have_is_refused(
    operations: FlaskClient, db: Engine, host: str
) -> None:
    notify("add", "--unit", "PAN001", "--webhook", f"https://{host}/x", status=2)
    # One that came into the table all the same ends, and the next one gets its message.
    notify("add", "--unit", "PAN001", "--webhook", "https://example.org/x")
    change(db, "UPDATE subscriptions SET address = :address", address=f"https://{host}/x")
    assert tell(operations)["failed"] == 1
    assert states(db) == ["failed"]


def test_an_unexpected_error_keeps_no_other_message(
    operations: FlaskClient,
    db: Engine,
    mailbox: Mailbox,
    hook: tuple[str, FaultyService],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notify("add", "--unit", "PAN001", "--webhook", hook[0])
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    monkeypatch.setitem(tick._SENDERS, "webhook", break_down)
    answer = tell(operations)
    assert (answer["sent"], answer["again"]) == (1, 1)
    assert len(mailbox.mails) == 1
    assert sorted(states(db)) == ["due", "sent"]


def test_an_error_after_sending_began_is_not_repeated(
    operations: FlaskClient,
    db: Engine,
    hook: tuple[str, FaultyService],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def send(_: Letter, before_sending: BeforeSending) -> NoReturn:
        before_sending()
        break_down()

    notify("add", "--unit", "PAN001", "--webhook", hook[0])
    monkeypatch.setitem(tick._SENDERS, "webhook", send)
    assert tell(operations)["unconfirmed"] == 1
    assert states(db) == ["unconfirmed"]


def test_what_stops_every_sender_ends(
    operations: FlaskClient, db: Engine, hook: tuple[str, FaultyService]
) -> None:
    notify("add", "--unit", "PAN001", "--webhook", hook[0])
    tell(operations)
    change(db, "UPDATE messages SET state = 'claimed', tries = :most", most=outbox.MAX_TRIES)
    let_pass(db, 11)
    tell(operations)
    assert states(db) == ["failed"]


def test_waiting_messages_go_out_when_no_notices_can_be_made(
    operations: FlaskClient, mailbox: Mailbox, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> NoReturn:
        raise TransientError("the query took too long")

    notify("add", "--unit", "PAN001", "--mail", OWNER)
    mailbox.on_rcpt = lambda: "450 later"
    assert tell(operations)["again"] == 1
    let_pass(db, 10)
    mailbox.on_rcpt = lambda: None
    monkeypatch.setattr(nights, "due", away)
    assert operations.post("/notices", json={}).status_code == 503
    assert len(mailbox.mails) == 1


def test_a_refused_sender_is_the_operators_mistake(
    operations: FlaskClient, db: Engine, mailbox: Mailbox
) -> None:
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    mailbox.on_mail = lambda: "550 who are you?"
    assert tell(operations)["again"] == 1
    mailbox.on_mail = lambda: None
    let_pass(db, 10)
    assert tell(operations)["sent"] == 1


def test_no_part_of_the_password_is_told(
    operations: FlaskClient, db: Engine, set_env: SetEnv, caplog: pytest.LogCaptureFixture
) -> None:
    set_env(SMTP_URL="smtp://me:s3cr#et@mail.example:587", MAIL_FROM="network@panoptes.example")
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    assert tell(operations)["again"] == 1
    [message] = rows(db, "SELECT error FROM messages")
    assert "SMTP_URL" in message["error"]
    assert "s3cr" not in message["error"] + caplog.text


def test_the_token_of_a_link_is_not_logged(
    db: Engine, data_port: int, set_env: SetEnv, capsys: pytest.CaptureFixture[str]
) -> None:
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}")
    for service in ("observations-explorer", "observations-data"):
        client = create_app(service).test_client()
        assert client.get(f"/unsubscribe/{TOKEN}").status_code == 404
        client.get(f"/api/unsubscribe/{TOKEN}")
        client.put(f"/unsubscribe/{TOKEN}/x")
        logged = capsys.readouterr().out
        assert "GET /unsubscribe/[secret]: 404" in logged
        assert TOKEN not in logged


def test_dropped_messages_do_not_count_for_the_day(
    operations: FlaskClient, db: Engine, mailbox: Mailbox
) -> None:
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    tell(operations)
    change(
        db,
        "WITH more AS (INSERT INTO notices (unit_id, night, kind, title, n_images, findings)"
        " SELECT unit_id, night - n, kind, title, n_images, findings"
        " FROM notices, generate_series(1, 30) AS n RETURNING notice_id)"
        " INSERT INTO messages (message_id, subscription_id, notice_id, state)"
        " SELECT 'm' || more.notice_id, subscription_id, more.notice_id, 'dropped'"
        " FROM more, subscriptions",
    )
    change(db, "DELETE FROM notices WHERE notice_id = (SELECT min(notice_id) FROM notices)")
    assert tell(operations)["sent"] == 1
    assert len(mailbox.mails) == 2
