"""Subscriptions to a unit's notices, which operators add and remove."""

import base64
import re
import secrets
from datetime import datetime
from typing import Annotated, Literal, TypedDict
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from panoptes_network import id_spellings
from panoptes_network.config import on_cloud_run
from panoptes_network.database import refusals
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Unit
from panoptes_network.database.notice_models import Message, Subscription, UnsubscribeLink
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.notices.tokens import hash_of, make_token

MAX_ADDRESS = 500
SECRET_PREFIX = "whsec_"  # noqa: S105 - what every such secret begins with
OWN_MACHINE = frozenset({"127.0.0.1", "localhost"})

_MAILBOX = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*",
    re.IGNORECASE,
)
_PRINTABLE = re.compile("[!-~]+")


def _unit(text: str) -> str:
    found = id_spellings.unit(text)
    if found is None:
        raise ValueError("an id like PAN001 is wanted")
    return found


class SubscriptionRequest(BaseModel):
    """A unit, and the mail address or webhook that is told about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit_id: Annotated[str, Field(max_length=20), AfterValidator(_unit)]
    kind: Literal["mail", "webhook"]
    address: str = Field(min_length=1, max_length=MAX_ADDRESS)


class Subscribed(TypedDict):
    """A subscription after a change; `secret` signs the requests to a webhook."""

    unit_id: str
    kind: str
    address: str
    secret: str | None


class Listed(TypedDict):
    """A subscription, whether it was ended by its link, and its messages by state."""

    unit_id: str
    kind: str
    address: str
    created_at: datetime
    ended_at: datetime | None
    messages: dict[str, int]


def add(request: SubscriptionRequest) -> Subscribed:
    """Add a subscription. One that was ended by its link begins again; another one stays as it is.

    Raises
    ------
    PermanentError
        BAD_REQUEST if the unit does not exist or the address is not allowed.
    TransientError
        If the database is unavailable.
    """
    check_address(request.kind, request.address)
    return run_transaction(lambda session: _add(session, request))


def remove(request: SubscriptionRequest) -> Subscribed:
    """Remove a subscription, with its messages.

    Raises
    ------
    PermanentError
        BAD_REQUEST if there is no such subscription.
    TransientError
        If the database is unavailable.
    """
    return run_transaction(lambda session: _remove(session, request))


def subscriptions(unit_id: str | None) -> list[Listed]:
    """Return the subscriptions to a unit, or to all.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    return run_transaction(lambda session: _list(session, unit_id))


def check_address(kind: str, address: str) -> None:
    """Raise an error if an address is not one that may be told.

    Raises
    ------
    PermanentError
        BAD_REQUEST, with the reason.
    """
    if kind == "mail":
        if len(address) > 254 or not _MAILBOX.fullmatch(address):
            raise PermanentError(Reason.BAD_REQUEST, f"{address!r} is no mail address")
        return
    if not _PRINTABLE.fullmatch(address) or not _is_url(address):
        words = "a webhook needs an https:// URL without user name, password and fragment"
        raise PermanentError(Reason.BAD_REQUEST, words)


def is_own_machine(host: str | None) -> bool:
    """Return whether a host is this machine, and the network runs on one machine."""
    return host in OWN_MACHINE and not on_cloud_run()


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port = parts.port
        str(parts.hostname).encode("idna")  # raises an error if a label is empty or too long
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_own_machine(parts.hostname))
    return (
        is_safe
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and "#" not in address
        and port != 0
    )


def _add(session: Session, request: SubscriptionRequest) -> Subscribed:
    unit_id = request.unit_id
    if session.get(Unit, unit_id) is None and not refusals.has_any(session, unit_id):
        raise PermanentError(Reason.BAD_REQUEST, f"there is no unit {unit_id!r}")
    found = _find(session, request)
    if found is not None:
        link = session.get_one(UnsubscribeLink, found.token_hash)
        link.ended_at = None
        return _shown(found)
    token = make_token()
    session.add(UnsubscribeLink(token_hash=hash_of(token), unit_id=unit_id))
    session.flush()
    added = Subscription(
        **request.model_dump(),
        secret=SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode(),
        token=token,
        token_hash=hash_of(token),
    )
    session.add(added)
    session.flush()
    return _shown(added)


def _remove(session: Session, request: SubscriptionRequest) -> Subscribed:
    found = _find(session, request)
    if found is None:
        words = f"{request.address!r} is not told about {request.unit_id}"
        raise PermanentError(Reason.BAD_REQUEST, words)
    shown = _shown(found)
    session.delete(found)
    session.flush()
    session.execute(delete(UnsubscribeLink).where(UnsubscribeLink.token_hash == found.token_hash))
    return {**shown, "secret": None}


def _find(session: Session, request: SubscriptionRequest) -> Subscription | None:
    query = select(Subscription).filter_by(**request.model_dump()).with_for_update()
    return session.scalars(query).one_or_none()


def _shown(row: Subscription) -> Subscribed:
    return {
        "unit_id": row.unit_id,
        "kind": row.kind,
        "address": row.address,
        "secret": row.secret if row.kind == "webhook" else None,
    }


def _list(session: Session, unit_id: str | None) -> list[Listed]:
    counts: dict[int, dict[str, int]] = {}
    for subscription_id, state, number in session.execute(
        select(Message.subscription_id, Message.state, func.count()).group_by(
            Message.subscription_id, Message.state
        )
    ):
        counts.setdefault(subscription_id, {})[state] = number
    query = (
        select(Subscription, UnsubscribeLink.ended_at)
        .join(UnsubscribeLink, UnsubscribeLink.token_hash == Subscription.token_hash)
        .order_by(Subscription.unit_id, Subscription.subscription_id)
    )
    if unit_id is not None:
        query = query.where(Subscription.unit_id == unit_id)
    return [
        {
            "unit_id": row.unit_id,
            "kind": row.kind,
            "address": row.address,
            "created_at": row.created_at,
            "ended_at": ended_at,
            "messages": counts.get(row.subscription_id, {}),
        }
        for row, ended_at in session.execute(query)
    ]
