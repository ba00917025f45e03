"""Suggestions for unknown parameters: did you mean another one?"""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_SHOWN = 100
"""Characters of an unknown name that a response quotes."""


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """Return a message about an unknown parameter that suggests the nearest known one."""
    lacking = f"unknown parameter {name[:MAX_SHOWN]!r}"
    by_folded = {each.casefold(): each for each in sorted(known)}
    if not by_folded:
        return f"{lacking}: there are none here"
    near = get_close_matches(name[:MAX_SHOWN].casefold(), by_folded, n=1)
    if near:
        return f"{lacking}: did you mean {by_folded[near[0]]!r}?"
    return f"{lacking}: known are {', '.join(by_folded.values())}"
