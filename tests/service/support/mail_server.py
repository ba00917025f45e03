"""A real mail server that keeps what it takes."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.conftest import free_port

Hook = Callable[[], str | None]


@dataclass
class Mailbox:
    """Mails that were taken; `on_mail` and the like may answer something else than 250."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    on_mail: Hook = lambda: None
    on_rcpt: Hook = lambda: None
    on_data: Hook = lambda: None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = self.on_mail()
        if said is None:
            envelope.mail_from = address
        return said or "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.on_rcpt() or "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        said = self.on_data()
        if said is None or said.startswith("250"):
            self.raw.append(content)
            mail: Any = message_from_bytes(content, policy=default)
            self.mails.append(mail)
            self.was_encrypted.append(session.ssl is not None)
        return said or "250 OK"


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """Run a mail server on a free loopback port."""
    mailbox = Mailbox(free_port())
    options: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if tls else {}
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
