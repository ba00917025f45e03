"""Notices by mail: plain text and HTML, with a link that ends the subscription (RFC 8058)."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from html import escape
from urllib.parse import SplitResult, unquote, urlsplit

from panoptes_network.config import settings
from panoptes_network.notices.letter import BeforeSending, End, Letter, Outcome
from panoptes_network.notices.subscriptions import is_own_machine

TIMEOUT_S = 20
"""Longest wait for each response of the mail server."""
POLICY = policy.SMTP.clone(max_line_length=998)
"""The longest line of RFC 5322: a folded link would be encoded, and no link any more."""
PORTS = {"smtp": 587, "smtps": 465}

_ALL_WELL = "All files were processed as expected, without gaps or trends."


def is_configured() -> bool:
    """Return whether there is a mail server and a sender."""
    return bool(settings().smtp_url.get_secret_value() and settings().mail_from)


def send(letter: Letter, before_sending: BeforeSending) -> Outcome:
    """Send a message, and return whether the mail server took it.

    Whatever goes wrong before the content is sent can be tried again: nothing has arrived. If the
    connection breaks afterwards, the server may have taken it.
    """
    content = message(letter).as_bytes(policy=POLICY)
    try:
        with _connected() as server:
            refusal = _envelope(server, letter.address)
            if refusal is not None:
                return refusal
            before_sending()
            return _content(server, content)
    except smtplib.SMTPAuthenticationError as error:
        return Outcome(End.AGAIN, f"the mail server refuses user and password ({error.smtp_code})")
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(End.AGAIN, f"no connection to the mail server: {error}")
    except ValueError:  # its words may hold a part of the password
        return Outcome(End.AGAIN, "SMTP_URL is not the URL of a mail server")


def message(letter: Letter) -> EmailMessage:
    """Return a message as a mail; it is the same for each try."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = f"PANOPTES Network <{settings().mail_from}>"
    mail["To"] = letter.address
    mail["Subject"] = letter.title
    mail["Date"] = letter.made_at
    mail["Message-ID"] = f"<{letter.message_id}@{settings().mail_from.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(_text(letter))
    mail.add_alternative(_html(letter), subtype="html")
    return mail


def _text(letter: Letter) -> str:
    lines = [letter.title, ""]
    for finding in letter.findings:
        lines += [f"- {finding['what']}", f"  {finding['action']}"]
    if not letter.findings:
        lines.append(_ALL_WELL)
    lines += ["", f"The night: {letter.page_url}"]
    lines += ["", f"No more mails about {letter.unit_id}: {letter.unsubscribe_url}"]
    return "\n".join(lines) + "\n"


def _html(letter: Letter) -> str:
    findings = "".join(
        f"<li><b>{escape(finding['what'])}</b> {escape(finding['action'])}</li>"
        for finding in letter.findings
    )
    said = f"<ul>{findings}</ul>" if findings else f"<p>{_ALL_WELL}</p>"
    page, end = escape(letter.page_url), escape(letter.unsubscribe_url)
    return (
        f'<!doctype html><html lang="en"><body><p><b>{escape(letter.title)}</b></p>{said}'
        f'<p><a href="{page}">The night</a></p>'
        f'<p><small><a href="{end}">No more mails about {escape(letter.unit_id)}</a></small></p>'
        "</body></html>\n"
    )


@contextmanager
def _connected() -> Iterator[smtplib.SMTP]:
    """Connect and sign in; the connection is encrypted unless the server is this machine."""
    url = urlsplit(settings().smtp_url.get_secret_value())
    server = _open(url)
    try:
        server.ehlo_or_helo_if_needed()
        if url.scheme == "smtp" and not is_own_machine(url.hostname):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        yield server
    finally:
        # Without a QUIT, which could hang: the message is taken or not by now.
        server.close()


def _open(url: SplitResult) -> smtplib.SMTP:
    if url.scheme not in PORTS or not url.hostname:
        raise ValueError("no URL of a mail server")
    port = url.port or PORTS[url.scheme]
    if url.scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(url.hostname, port, timeout=TIMEOUT_S, context=context)
    return smtplib.SMTP(url.hostname, port, timeout=TIMEOUT_S)


def _envelope(server: smtplib.SMTP, address: str) -> Outcome | None:
    """Name sender and receiver; return the server's refusal."""
    code, words = server.mail(settings().mail_from)
    if code != 250:
        # The operator's mistake, or the server's: the message waits until it is put right.
        return Outcome(End.AGAIN, _refusal(code, words).words)
    code, words = server.rcpt(address)
    return None if code in (250, 251) else _refusal(code, words)


def _content(server: smtplib.SMTP, content: bytes) -> Outcome:
    try:
        code, words = server.data(content)
    except smtplib.SMTPDataError as error:  # before the content
        return _refusal(error.smtp_code, error.smtp_error)
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(End.UNKNOWN, f"the connection broke while the mail was sent: {error}")
    return Outcome(End.SENT) if code == 250 else _refusal(code, words)


def _refusal(code: int, words: bytes | str) -> Outcome:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    end = End.FAILED if 500 <= code < 600 else End.AGAIN
    return Outcome(end, f"the mail server answered {code}: {said[:200]}")
