"""A webhook leads to the public internet only, and keeps its sender for a short time only."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from threading import Thread

import pytest

from panoptes_network.errors import PermanentError
from panoptes_network.notices import webhook
from panoptes_network.notices.letter import End, Letter, Outcome
from panoptes_network.notices.subscriptions import check_address

SetEnv = Callable[..., None]


def post(address: str) -> tuple[Outcome, list[str]]:
    """Post a message; also return whether anything was about to be sent."""
    begun: list[str] = []
    letter = Letter(
        message_id="1",
        claim="1",
        tries=1,
        kind="webhook",
        address=address,
        secret="whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",  # noqa: S106 - of this test
        token="0" * 32,
        unit_id="PAN001",
        night=date(2018, 10, 11),
        notice_kind="night",
        title="A night",
        n_images=1,
        findings=[],
        made_at=datetime(2018, 10, 12, tzinfo=UTC),
    )
    return webhook.send(letter, lambda: begun.append(address)), begun


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.2",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd20:ce::254]",
        "[fec0::1]",
        "192.0.0.192",
        "[ff02::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
    ],
)
def test_no_private_address_is_asked(host: str) -> None:
    outcome, begun = post(f"https://{host}/latest/meta-data")
    assert outcome.end in (End.FAILED, End.AGAIN), outcome
    if outcome.end is End.AGAIN:  # what is no address at all, by this machine's resolver
        assert "not known" in str(outcome.words), outcome
    assert begun == []


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888"])
def test_public_addresses_are_public(address: str) -> None:
    assert webhook.is_public(address)


def test_a_name_is_judged_by_its_addresses(set_env: SetEnv) -> None:
    """In the cloud this machine's own name is that of any private server."""
    set_env(K_SERVICE="cf-operations")
    outcome, begun = post("https://localhost/")
    assert outcome.end is End.FAILED
    assert "not on the public internet" in str(outcome.words)
    assert begun == []


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://user:password@example.org/",
        "https://example.org/#part",
        "https:///path",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\r\nX-Other: 1",
        "file:///etc/passwd",
        "//example.org/",
        "https://[::1",
    ],
)
def test_what_is_no_webhook(address: str) -> None:
    with pytest.raises(PermanentError):
        check_address("webhook", address)


@pytest.mark.parametrize(
    "address",
    [
        "owner",
        "owner@",
        "@example.org",
        "a@b@example.org",
        "a b@example.org",
        "a@localhost",
        "a@example.org\r\nBcc: other@example.org",
        "a@example.org, b@example.org",
        "<a@example.org>",
        "a..b@example.org",
        "a@-example.org",
        "a@192.168.1.1",
    ],
)
def test_what_is_no_mail_address(address: str) -> None:
    with pytest.raises(PermanentError):
        check_address("mail", address)


def test_this_machine_is_asked_on_one_machine_only(set_env: SetEnv) -> None:
    check_address("webhook", "http://127.0.0.1:8080/hook")
    set_env(K_SERVICE="cf-operations")
    with pytest.raises(PermanentError):
        check_address("webhook", "http://127.0.0.1:8080/hook")


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(30)
        assert not thread.is_alive()


def drip(connection: socket.socket, beginning: bytes) -> None:
    """Answer a byte at a time, for as long as anyone listens."""
    try:
        connection.sendall(beginning)
        while True:
            connection.sendall(b"a")
            time.sleep(0.05)
    except OSError:
        return


@pytest.mark.parametrize(
    ("beginning", "end"),
    [(b"HTTP/1.1 ", End.UNKNOWN), (b"HTTP/1.1 200 OK\r\nX-Slow: ", End.SENT)],
)
def test_an_answer_that_drips_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, beginning: bytes, end: End
) -> None:
    """Of one whose status has come, that is all that counts."""
    monkeypatch.setattr(webhook, "TOTAL_S", 1)
    with server(lambda connection: drip(connection, beginning)) as address:
        start = time.monotonic()
        outcome, begun = post(address)
    assert outcome.end is end
    assert begun == [address]
    assert time.monotonic() - start < 15


def flood(connection: socket.socket) -> None:
    """Answer without end."""
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            connection.sendall(b"a" * 65536)
    except OSError:
        return


def test_of_an_endless_answer_the_status_is_read() -> None:
    with server(flood) as address:
        outcome, _ = post(address)
    assert outcome.end is End.SENT


def test_a_redirect_is_not_followed() -> None:
    said = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with server(lambda connection: connection.sendall(said)) as address:
        outcome, _ = post(address)
    assert outcome == Outcome(End.FAILED, "the webhook answered 307")
