"""Links by which the owners of units end their subscriptions; operators make these."""

import re

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from observations_data.database import LOCK_TIMEOUT_S
from panoptes_network.config import settings
from panoptes_network.database.engine import limit_waiting, run_transaction
from panoptes_network.database.notice_models import UnsubscribeLink
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.notices.tokens import TOKEN, hash_of
from panoptes_network.responses.units import SubscriptionLink


def link(session: Session, token: str) -> SubscriptionLink:
    """Return the subscription of a link's token.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if there is none, or not any more.
    """
    found = session.get(UnsubscribeLink, _hash(token))
    if found is None:
        raise _unknown()
    return {"unit_id": found.unit_id, "is_ended": found.ended_at is not None}


def end(token: str) -> SubscriptionLink:
    """End the subscription of a link's token; an ended one stays as it is.

    Raises
    ------
    PermanentError
        As `link`.
    TransientError
        If the database is unavailable, locked, or too slow.
    """
    digest = _hash(token)

    def work(session: Session) -> str | None:
        limit_waiting(session, settings().read_timeout_s, LOCK_TIMEOUT_S)
        ended = func.coalesce(UnsubscribeLink.ended_at, func.now())
        query = update(UnsubscribeLink).where(UnsubscribeLink.token_hash == digest)
        return session.scalar(query.values(ended_at=ended).returning(UnsubscribeLink.unit_id))

    unit_id = run_transaction(work)
    if unit_id is None:
        raise _unknown()
    return {"unit_id": unit_id, "is_ended": True}


def _hash(token: str) -> str:
    if not re.fullmatch(TOKEN, token):
        raise _unknown()
    return hash_of(token)


def _unknown() -> PermanentError:
    words = "this link belongs to no subscription; its operator may have removed it"
    return PermanentError(Reason.OBJECT_MISSING, words)
