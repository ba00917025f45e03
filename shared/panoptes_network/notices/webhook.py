"""Notices by webhook: a signed POST of JSON, as https://www.standardwebhooks.com describes it.

A webhook's URL may lead anywhere, so that a request goes to public addresses only, and the address
that was checked is the one that is connected to.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urlsplit

from panoptes_network.errors import PermanentError
from panoptes_network.notices.letter import BeforeSending, End, Letter, Outcome
from panoptes_network.notices.subscriptions import SECRET_PREFIX, check_address, is_own_machine

TIMEOUT_S = 10
"""Longest wait for each step: connection, encryption, response."""
TOTAL_S = 30
"""Longest duration of a whole request."""
TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))
"""IPv6 addresses that lead to IPv4 ones (RFC 6052, RFC 3056)."""
SPECIAL = ipaddress.ip_network("192.0.0.0/24")
"""Addresses of protocols (RFC 6890); some clouds give their metadata there."""

_PASSING = frozenset({408, 425, 429})
"""Statuses after which a later try may succeed, besides 5xx."""


class ForbiddenAddressError(Exception):
    """A host that has an address in a private network."""


def send(letter: Letter, before_sending: BeforeSending) -> Outcome:
    """Post a message, and return whether the receiver took it, which 2xx says.

    Redirects are not followed, and of the response only the status is read.
    """
    try:
        check_address(letter.kind, letter.address)  # the rules may have become stricter
        url = urlsplit(letter.address)
        connection = _connect(url)
    except (PermanentError, ForbiddenAddressError) as error:
        return Outcome(End.FAILED, str(error))
    except ValueError:  # of a name that no DNS can have; it is no OSError
        return Outcome(End.FAILED, "the URL has no valid host name")
    except OSError as error:
        return Outcome(End.AGAIN, f"no connection: {error}")
    with _closing(connection):
        before_sending()
        return _post(connection, url, letter)


def body(letter: Letter) -> bytes:
    """Return the JSON of a message; it is the same for each try."""
    said = {
        "type": letter.notice_kind,
        "timestamp": letter.made_at.isoformat(),
        "data": {
            "unit_id": letter.unit_id,
            "night": letter.night.isoformat(),
            "title": letter.title,
            "n_images": letter.n_images,
            "findings": letter.findings,
            "url": letter.page_url,
            "unsubscribe_url": letter.unsubscribe_url,
        },
    }
    return json.dumps(said, ensure_ascii=False).encode()


def signature(secret: str, message_id: str, timestamp: str, content: bytes) -> str:
    """Return the value of Webhook-Signature: HMAC-SHA256 of id, time and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + content
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if any(found in network for network in TRANSLATED):
            return False
        found = found.ipv4_mapped or found
    if isinstance(found, ipaddress.IPv6Address) and found.is_site_local:
        return False
    if found in SPECIAL:
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


def _connect(url: SplitResult) -> http.client.HTTPConnection:
    """Connect to an allowed address of the URL's host."""
    host, is_https = str(url.hostname), url.scheme == "https"
    port = url.port or (443 if is_https else 80)
    address = _checked(host, port)
    raw = socket.create_connection((address, port), TIMEOUT_S)
    try:
        if is_https:
            # The certificate is for the name, though the name is not looked up again.
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    connection.sock = raw
    return connection


def _checked(host: str, port: int) -> str:
    """Return an address of a host.

    Raises
    ------
    ForbiddenAddressError
        If any of its addresses is not public: the name may belong to a private network.
    """
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if is_own_machine(host):
        return next(address for address in found if ipaddress.ip_address(address).is_loopback)
    if not found or not all(map(is_public, found)):
        raise ForbiddenAddressError(f"{host} has an address that is not on the public internet")
    return found[0]


@contextmanager
def _closing(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Close a connection at the end, or when its time is over: a response may drip."""
    timer = threading.Timer(TOTAL_S, _hang_up, [connection.sock])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        connection.close()


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _post(connection: http.client.HTTPConnection, url: SplitResult, letter: Letter) -> Outcome:
    content, timestamp = body(letter), str(int(time.time()))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = {
        "Host": url.netloc,
        "Content-Type": "application/json",
        "User-Agent": "PANOPTES-Network",
        "Idempotency-Key": letter.message_id,
        "Webhook-Id": letter.message_id,
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": signature(letter.secret, letter.message_id, timestamp, content),
    }
    try:
        connection.request("POST", path, content, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return Outcome(End.UNKNOWN, f"no answer to the request: {error or type(error).__name__}")
    if 200 <= status < 300:
        return Outcome(End.SENT)
    is_passing = status >= 500 or status in _PASSING
    return Outcome(End.AGAIN if is_passing else End.FAILED, f"the webhook answered {status}")
