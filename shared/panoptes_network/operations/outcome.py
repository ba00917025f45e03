"""What was sent again: how many, and the first of them by name."""

from dataclasses import dataclass, field
from typing import Any

from panoptes_network.operations.report import MOST_NAMED


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
        if len(self.names) < MOST_NAMED:
            self.names.append(name)

    def add_problem(self, words: str) -> None:
        """Count something that could not be sent, and say why."""
        self.not_replayed += 1
        if len(self.problems) < MOST_NAMED:
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
