"""Mails and webhook calls about a unit's nights: each once, whatever happens to the sender."""

import base64
import hashlib
import hmac
import json
import re
import signal
import subprocess

import feedparser
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.notices import outbox
from tests.conftest import free_port
from tests.service.operations.messages import (
    DAY,
    OWNER,
    TITLE,
    SetEnv,
    let_pass,
    notify,
    run_sender,
    states,
    tell,
)
from tests.service.operations.test_notices import DONE
from tests.service.support.functions import FaultyService, Network
from tests.service.support.mail_server import Mailbox
from tests.service.support.operations import change
from tests.service.support.operations import rows as rows_of
from tests.service.support.web_services import add_observation, create_app, rows


def test_mail_feed_entry_and_webhook_call_come_once(
    operations: FlaskClient,
    explorer: FlaskClient,
    set_env: SetEnv,
    mailbox: Mailbox,
    hook: tuple[str, FaultyService],
) -> None:
    url, receiver = hook
    notify("add", "--unit", "pan001", "--mail", OWNER)
    notify("add", "--unit", "PAN001", "--webhook", url)
    answer = tell(operations)
    assert (answer["notices"], answer["sent"], answer["has_mail"]) == ([TITLE], 2, True)
    assert [tell(operations)["sent"] for _ in range(3)] == [0, 0, 0]
    assert [mail["Subject"] for mail in mailbox.mails] == [TITLE]
    assert [sent["data"]["title"] for sent in receiver.received] == [TITLE]
    feed = feedparser.parse(explorer.get("/units/PAN001/feed.atom").data)
    assert [entry.title for entry in feed.entries] == [TITLE]


def test_what_a_mail_says(operations: FlaskClient, mailbox: Mailbox) -> None:
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    tell(operations)
    [mail] = mailbox.mails
    assert mail["To"] == OWNER
    assert mail["From"] == "PANOPTES Network <network@panoptes.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch("<[0-9a-f-]{36}@panoptes.example>", mail["Message-ID"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(
        "<(https://pages.example/unsubscribe/[0-9a-f]{32})>", mail["List-Unsubscribe"]
    )
    assert link
    assert f"\r\nList-Unsubscribe: <{link[1]}>\r\n".encode() in mailbox.raw[0]
    assert mail.get_content_type() == "multipart/alternative"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        words = part.get_content()
        assert "1 image unsolved: Too few stars" in words
        assert "clock is wrong" in words
        assert "https://pages.example/units/PAN001/nights/2018-10-11" in words
        assert link[1] in words


def test_what_a_webhook_gets(operations: FlaskClient, hook: tuple[str, FaultyService]) -> None:
    url, receiver = hook
    said = notify("add", "--unit", "PAN001", "--webhook", url)
    secret = re.search("whsec_(.+)", said)
    assert secret
    tell(operations)
    [headers], [sent] = receiver.headers, receiver.received
    assert sent["type"] == "night"
    assert sent["data"]["unit_id"] == "PAN001"
    assert sent["data"]["url"] == "https://pages.example/units/PAN001/nights/2018-10-11"
    assert headers["Idempotency-Key"] == headers["Webhook-Id"]
    content = json.dumps(sent, ensure_ascii=False).encode()
    signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + content
    digest = hmac.digest(base64.b64decode(secret[1]), signed, hashlib.sha256)
    assert headers["Webhook-Signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_a_sender_killed_before_it_sends_sends_later(
    operations: FlaskClient, db: Engine, mailbox: Mailbox
) -> None:
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    sender: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        while not sender:
            pass
        sender[0].send_signal(signal.SIGKILL)
        sender[0].wait(60)

    mailbox.on_rcpt = kill
    sender.append(run_sender())
    assert sender[0].wait(120) == -signal.SIGKILL
    assert states(db) == ["claimed"]
    mailbox.on_rcpt = lambda: None
    assert tell(operations)["sent"] == 0  # it may still be at work
    let_pass(db, 11)
    assert tell(operations)["sent"] == 1
    assert len(mailbox.mails) == 1
    assert states(db) == ["sent"]


def test_a_sender_killed_after_it_sent_does_not_send_again(
    operations: FlaskClient, db: Engine, mailbox: Mailbox, hook: tuple[str, FaultyService]
) -> None:
    """The servers have taken mail and call, and cannot say so any more."""
    url, receiver = hook
    for kind, address in (("--webhook", url), ("--mail", OWNER)):
        notify("add", "--unit", "PAN001", kind, address)
        sender = run_killed_while_sending(mailbox, receiver)
        assert sender.wait(120) == -signal.SIGKILL
        let_pass(db, 11)
        assert tell(operations)["sent"] == 0
        let_pass(db, 11)
        assert tell(operations)["unconfirmed"] == 0
        assert states(db) == ["unconfirmed"]
        notify("remove", "--unit", "PAN001", kind, address)
        change(db, "DELETE FROM notices")
    assert (len(mailbox.mails), len(receiver.received)) == (1, 1)
    assert [mail["Subject"] for mail in mailbox.mails] == [TITLE]


def run_killed_while_sending(
    mailbox: Mailbox, receiver: FaultyService
) -> "subprocess.Popen[bytes]":
    """Start a sender that is killed when a server has its message, before the answer."""
    sender = run_sender()

    def kill() -> None:
        sender.send_signal(signal.SIGKILL)
        sender.wait(60)

    mailbox.on_data = kill
    receiver.on_request = kill
    return sender


def test_two_senders_at_once_send_once(
    operations: FlaskClient, db: Engine, mailbox: Mailbox, hook: tuple[str, FaultyService]
) -> None:
    url, receiver = hook
    for number in range(5):
        notify("add", "--unit", "PAN001", "--mail", f"owner{number}@example.org")
    notify("add", "--unit", "PAN001", "--webhook", url)
    senders = [run_sender() for _ in range(3)]
    assert [sender.wait(120) for sender in senders] == [0, 0, 0]
    assert sorted(mail["To"] for mail in mailbox.mails) == [
        f"owner{n}@example.org" for n in range(5)
    ]
    assert len(receiver.received) == 1
    assert set(states(db)) == {"sent"}


@pytest.mark.parametrize(("answer", "state"), [("451 later", "due"), ("550 nobody", "failed")])
def test_a_mail_server_that_refuses(
    operations: FlaskClient, db: Engine, mailbox: Mailbox, answer: str, state: str
) -> None:
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    for hook in ("on_rcpt", "on_data"):
        change(db, "UPDATE messages SET state = 'due', due_at = now()")
        mailbox.on_rcpt = mailbox.on_data = lambda: None
        setattr(mailbox, hook, lambda: answer)
        tell(operations)
        assert states(db) == [state], hook
    mailbox.on_rcpt = mailbox.on_data = lambda: None
    let_pass(db, 30)
    tell(operations)
    assert len(mailbox.mails) == (1 if state == "due" else 0)


@pytest.mark.parametrize(
    ("status", "state"),
    [(204, "sent"), (301, "failed"), (404, "failed"), (429, "due"), (503, "due")],
)
def test_a_webhook_that_answers(
    operations: FlaskClient, db: Engine, hook: tuple[str, FaultyService], status: int, state: str
) -> None:
    url, receiver = hook
    receiver.status = status
    notify("add", "--unit", "PAN001", "--webhook", url)
    tell(operations)
    assert states(db) == [state]
    ids = {headers["Webhook-Id"] for headers in receiver.headers}
    let_pass(db, 30)
    tell(operations)
    assert {headers["Webhook-Id"] for headers in receiver.headers} == ids
    assert len(receiver.received) == (2 if state == "due" else 1)


def test_tries_have_an_end(
    operations: FlaskClient, db: Engine, hook: tuple[str, FaultyService]
) -> None:
    url, receiver = hook
    receiver.status = 503
    notify("add", "--unit", "PAN001", "--webhook", url)
    for _ in range(outbox.MAX_TRIES + 2):
        tell(operations)
        let_pass(db, 10_000)
    assert states(db) == ["failed"]
    assert len(receiver.received) == outbox.MAX_TRIES


def test_a_server_that_is_away_is_tried_again(operations: FlaskClient, db: Engine) -> None:
    notify("add", "--unit", "PAN001", "--webhook", f"http://127.0.0.1:{free_port()}/")
    assert tell(operations)["again"] == 1
    assert states(db) == ["due"]


def test_without_a_mail_server_nothing_is_sent_and_it_says_so(
    operations: FlaskClient, db: Engine
) -> None:
    assert "SMTP_URL and MAIL_FROM are not set" in notify(
        "add", "--unit", "PAN001", "--mail", OWNER
    )
    answer = tell(operations)
    assert (answer["sent"], answer["has_mail"]) == (0, False)
    assert states(db) == ["due"]
    change(db, "UPDATE notices SET made_at = now() - interval '4 days'")
    tell(operations)
    assert states(db) == ["dropped"]


def test_no_password_and_no_mail_goes_out_unencrypted(
    operations: FlaskClient, db: Engine, mailbox: Mailbox, set_env: SetEnv
) -> None:
    """Beyond this machine, the connection is encrypted or there is none."""
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    set_env(K_SERVICE="cf-operations")
    assert tell_in_the_cloud() == 0
    assert mailbox.mails == []
    [row] = rows_of(db, "SELECT state, error FROM messages")
    assert row["state"] == "due"
    assert "STARTTLS" in row["error"]


def tell_in_the_cloud() -> int:
    """Run the sender in a process, as Cloud Run does, and return its exit status."""
    return run_sender().wait(120)


def test_an_old_archive_is_no_flood(
    operations: FlaskClient, db: Engine, hook: tuple[str, FaultyService]
) -> None:
    url, receiver = hook
    notify("add", "--unit", "PAN001", "--webhook", url)
    with rows(db) as session:
        for day in range(1, 31):
            start = DAY.replace(day=day)
            add_observation(session, start=start, images=[DONE])
    tell(operations)
    assert len(receiver.received) == outbox.MAX_A_DAY
    assert states(db).count("dropped") > 0


def test_a_subscription_is_ended_by_its_link(
    operations: FlaskClient, db: Engine, explorer: FlaskClient, mailbox: Mailbox, set_env: SetEnv
) -> None:
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    [token] = [row["token"] for row in rows_of(db, "SELECT token FROM subscriptions")]
    page = explorer.get(f"/unsubscribe/{token}")
    assert page.status_code == 200
    assert "Send no more messages" in page.text
    assert rows_of(db, "SELECT ended_at FROM unsubscribe_links") == [{"ended_at": None}]
    # As the button posts it, and as a mail program does (RFC 8058).
    for form in ({}, {"List-Unsubscribe": "One-Click"}):
        ended = explorer.post(f"/unsubscribe/{token}", data=form, headers={"Origin": "null"})
        assert ended.status_code == 200, ended.text
        assert "No more messages about PAN001" in ended.text
    assert tell(operations)["sent"] == 0
    assert mailbox.mails == []
    assert "ended" in notify("list")
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    assert "ended" not in notify("list")


def test_a_subscription_is_ended_while_its_message_waits(
    operations: FlaskClient, db: Engine, mailbox: Mailbox
) -> None:
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    mailbox.on_rcpt = lambda: "451 later"
    assert tell(operations)["again"] == 1
    change(db, "UPDATE unsubscribe_links SET ended_at = now()")
    mailbox.on_rcpt = lambda: None
    let_pass(db, 30)
    assert tell(operations)["sent"] == 0
    assert states(db) == ["dropped"]
    # And in the moment between claim and sending.
    change(db, "UPDATE messages SET state = 'due', due_at = now()")
    change(db, "UPDATE unsubscribe_links SET ended_at = NULL")
    mailbox.on_rcpt = lambda: change(db, "UPDATE unsubscribe_links SET ended_at = now()")
    assert tell(operations)["sent"] == 0
    assert mailbox.mails == []


@pytest.mark.parametrize("token", ["0" * 32, "x", "%00", "0" * 31 + "G", "..%2fstatus"])
def test_a_link_that_ends_nothing(explorer: FlaskClient, token: str) -> None:
    for answer in (explorer.get(f"/unsubscribe/{token}"), explorer.post(f"/unsubscribe/{token}")):
        assert answer.status_code in (400, 404)


def test_the_command(network: Network, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[])
    assert "no unit 'PAN999'" in notify("add", "--unit", "PAN999", "--mail", OWNER, status=2)
    assert "--mail or --webhook" in notify("add", "--unit", "PAN001", status=2)
    assert "is told about PAN001" in notify("add", "--unit", "PAN001", "--mail", OWNER)
    notify("add", "--unit", "PAN001", "--mail", OWNER)
    listed = notify("list", "--unit", "pan001")
    assert listed.count(OWNER) == 1
    assert "none yet" in listed
    assert "no longer told" in notify("remove", "--unit", "PAN001", "--mail", OWNER)
    assert "is not told" in notify("remove", "--unit", "PAN001", "--mail", OWNER, status=2)
    assert rows_of(db, "SELECT * FROM unsubscribe_links") == []


def test_a_link_may_be_posted_to_the_data_service_as_json_only(db: Engine) -> None:
    client = create_app("observations-data").test_client()
    assert client.post(f"/unsubscribe/{'0' * 32}", data={"a": "b"}).status_code == 415
    assert client.post(f"/unsubscribe/{'0' * 32}", json={}).status_code == 404
