"""A message as its senders need it, and how an attempt to send it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto
from urllib.parse import quote

from panoptes_network.config import settings

BeforeSending = Callable[[], None]
"""Called right before the first byte after which the message may arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A claimed message with all that it says. `message_id` stays the same for each try."""

    message_id: str
    claim: str
    tries: int
    kind: str
    address: str
    secret: str
    token: str
    unit_id: str
    night: date
    notice_kind: str
    title: str
    n_images: int
    findings: list[dict[str, str]]
    made_at: datetime

    @property
    def page_url(self) -> str:
        """Return the URL of the night's page."""
        return f"{_pages()}/units/{quote(self.unit_id)}/nights/{self.night.isoformat()}"

    @property
    def unsubscribe_url(self) -> str:
        """Return the URL of the page that ends the subscription."""
        return f"{_pages()}/unsubscribe/{self.token}"


class End(Enum):
    """End of an attempt to send a message.

    `AGAIN`: it has certainly not arrived, and a later try may succeed. `UNKNOWN`: it may have
    arrived, so it is not sent again.
    """

    SENT = auto()
    AGAIN = auto()
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt, and its reason in words."""

    end: End
    words: str | None = None


def _pages() -> str:
    return settings().observations_explorer_url.rstrip("/")
