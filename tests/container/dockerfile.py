"""Reads a Dockerfile, as far as the project's own goes."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = frozenset(
    {
        *("FROM", "RUN", "COPY", "ENV", "WORKDIR", "USER", "EXPOSE"),
        *("HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT"),
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its word, and what stands behind it."""

    word: str
    rest: str


@dataclass
class Stage:
    """One image of a Dockerfile: its base, its name, its steps, and what it says of a container."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"
    entry_point: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"

    def take(self, step: Step) -> None:
        """Note what a step says of the container; the others are for whoever builds it."""
        match step.word:
            case "ENV":
                self.environment |= dict(word.split("=", 1) for word in shlex.split(step.rest))
            case "USER":
                self.user = step.rest
            case "WORKDIR":
                self.folder = step.rest
            case "ENTRYPOINT":
                self.entry_point = json.loads(step.rest)
            case "HEALTHCHECK":
                self.health_check = json.loads(step.rest.partition("CMD ")[2])
            case "STOPSIGNAL":
                self.stop_signal = step.rest
            case _:
                self.steps.append(step)


def stages(dockerfile: Path) -> list[Stage]:
    """Return the images that a Dockerfile makes, the last one being the one that is kept.

    Raises
    ------
    ValueError
        For an instruction that is not `KNOWN`.
    """
    found: list[Stage] = []
    for step in _steps(dockerfile.read_text()):
        if step.word == "FROM":
            base, _, name = step.rest.partition(" AS ")
            found.append(Stage(base, name))
        else:
            found[-1].take(step)
    return found


def _steps(text: str) -> list[Step]:
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    steps = [Step(*line.split(maxsplit=1)) for line in lines if line.strip()]
    for step in steps:
        if step.word not in KNOWN:
            raise ValueError(f"no builder for {step.word} {step.rest}")
    return steps
