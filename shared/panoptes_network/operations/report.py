"""Progress of a sweep or a replay, and the remaining budget of a sweep."""

import math
import time
from dataclasses import dataclass, field

from panoptes_network.operations.balance import Balance

MAX_NAMED = 100
"""Images named in a response; the others are only counted."""
MAX_AT_ONCE = 1000
"""Images resent per sweep, so that the queues do not fill up."""


@dataclass
class Report:
    """The result of a sweep, updated as it runs.

    `sent` and `given_up` are ids of images and sequences, or paths of other objects; `failed`
    explains why some could not be sent.
    """

    dry_run: bool = False
    deadline: float = math.inf
    most: float = math.inf
    looked_at: int = 0
    sent: int = 0
    given_up: int = 0
    failed: int = 0
    letters_closed: int = 0
    products_deleted: int = 0
    is_whole: bool = True
    names: dict[str, list[str]] = field(default_factory=lambda: {"sent": [], "given_up": []})
    problems: list[str] = field(default_factory=list)
    balance: Balance = field(default_factory=Balance)

    @classmethod
    def with_budget(cls, seconds: float, *, dry_run: bool = False) -> "Report":
        """Start a sweep with a time limit and a limit of `MAX_AT_ONCE` resent images."""
        return cls(dry_run, time.monotonic() + seconds, MAX_AT_ONCE)

    @property
    def is_spent(self) -> bool:
        """Whether the budget is spent; the next sweep continues."""
        return time.monotonic() > self.deadline or self.sent + self.failed >= self.most

    def add_sent(self, image_id: str) -> None:
        """Count an image that was resent."""
        self.sent += 1
        self._name("sent", image_id)

    def add_given_up(self, image_id: str) -> None:
        """Count an image that reached its limit of resends."""
        self.given_up += 1
        self._name("given_up", image_id)

    def add_failed(self, image_id: str, words: str) -> None:
        """Count an image that a service refused."""
        self.failed += 1
        if len(self.problems) < MAX_NAMED:
            self.problems.append(f"{image_id}: {words}")

    def answer(self) -> dict[str, object]:
        """Return the result as JSON."""
        return {
            "dry_run": self.dry_run,
            "objects": self.looked_at,
            "whole_bucket": self.is_whole,
            "sent": self.sent,
            "given_up": self.given_up,
            "failed": self.failed,
            "letters_closed": self.letters_closed,
            "products_deleted": self.products_deleted,
            "images": self.names,
            "problems": self.problems,
            "balance": self.balance.answer(),
        }

    def _name(self, kind: str, image_id: str) -> None:
        if len(self.names[kind]) < MAX_NAMED:
            self.names[kind].append(image_id)


@dataclass
class Outcome:
    """The result of a replay, updated as it runs; `kind` is images or dead letters."""

    kind: str
    dry_run: bool
    replayed: int = 0
    not_replayed: int = 0
    names: list[str | int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, name: str | int) -> None:
        """Count a resent item."""
        self.replayed += 1
        if len(self.names) < MAX_NAMED:
            self.names.append(name)

    def add_problem(self, words: str) -> None:
        """Count an item that could not be sent, with the reason."""
        self.not_replayed += 1
        if len(self.problems) < MAX_NAMED:
            self.problems.append(words)

    def answer(self) -> dict[str, object]:
        """Return the result as JSON."""
        return {
            "dry_run": self.dry_run,
            "replayed": self.replayed,
            "not_replayed": self.not_replayed,
            self.kind: self.names,
            "problems": self.problems,
        }
