"""What a sweep or a replay has done so far, and how much of its budget a sweep has left."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

from panoptes_network.operations.balance import Balance

MAX_NAMED = 100
"""So many images are named in an answer; the others are counted."""
MAX_AT_ONCE = 1000
"""So many are sent again by one sweep, so that the queues do not fill with them."""


@dataclass
class Report:
    """The result of a sweep, as it grows.

    `sent` and `given_up` are ids of images and of sequences, or paths of what is none; `failed`
    has why some could not be handed on.
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
        """Start a sweep that may take so long, and send `MAX_AT_ONCE`."""
        return cls(dry_run, time.monotonic() + seconds, MAX_AT_ONCE)

    @property
    def is_spent(self) -> bool:
        """Whether it is time to stop; the next sweep goes on."""
        return time.monotonic() > self.deadline or self.sent + self.failed >= self.most

    def add_sent(self, image_id: str) -> None:
        """Count an image that was sent again."""
        self.sent += 1
        self._name("sent", image_id)

    def add_given_up(self, image_id: str) -> None:
        """Count an image that was sent again often enough."""
        self.given_up += 1
        self._name("given_up", image_id)

    def add_failed(self, image_id: str, words: str) -> None:
        """Count an image that a service did not take."""
        self.failed += 1
        if len(self.problems) < MAX_NAMED:
            self.problems.append(f"{image_id}: {words}")

    def answer(self) -> dict[str, Any]:
        """Return it as JSON."""
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
    """The result of a replay, as it grows; `kind` is what is sent: images or dead letters."""

    kind: str
    dry_run: bool
    replayed: int = 0
    not_replayed: int = 0
    names: list[str | int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, name: str | int) -> None:
        """Count something that was sent again."""
        self.replayed += 1
        if len(self.names) < MAX_NAMED:
            self.names.append(name)

    def add_problem(self, words: str) -> None:
        """Count something that could not be sent, and say why."""
        self.not_replayed += 1
        if len(self.problems) < MAX_NAMED:
            self.problems.append(words)

    def answer(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "dry_run": self.dry_run,
            "replayed": self.replayed,
            "not_replayed": self.not_replayed,
            self.kind: self.names,
            "problems": self.problems,
        }
