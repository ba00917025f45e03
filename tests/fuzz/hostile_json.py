"""JSON and text as nobody means them: extreme, nested, in every script, with halves of letters."""

import json
import math
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_SNIPPETS = (
    *("", " ", "/", "//", ".", "..", "../", "_", "-", "0", "9" * 20, "%00", "%2e", "\\", "'", '"'),
    *("\0", "\n", "\r\n", "\x1b[2J", "\x7f", "\u200b", "\u202e", "\u2066", "\ufeff", "\ufffe"),
    *("\ud800", "\udfff", "\ud83d\ude00", "é", "e\u0301", "Плеяды", "مرحبا", "🔭", "٣"),
    *("<script>", "{{7*7}}", "; DROP TABLE units", "$(id)", "NaN", "null", "true", "1e999"),
)
EXTREME_NUMBERS: tuple[float, ...] = (
    *(0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**400),
    *(0.5, -0.0, 1e308, 5e-324, math.inf, -math.inf, math.nan),
)

texts = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(_SNIPPETS) | st.text(max_size=5), max_size=8).map("".join),
    st.builds(lambda part, count: part * count, st.sampled_from(_SNIPPETS), st.integers(1, 5000)),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from(EXTREME_NUMBERS), st.floats(), texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
nested = st.builds(
    lambda opening, depth, closing: opening * depth + "1" + closing * depth,
    st.sampled_from(["[", '{"a":', '{"headers":', '{"message":']),
    st.sampled_from([1, 5, 100, 1000, 100_000]),
    st.sampled_from(["", "]", "}"]),
)


def edited(samples: Sequence[str]) -> st.SearchStrategy[str]:
    """Break sound text in a few places, or give something quite different."""
    return stages(samples).map(lambda found: found[-1]) | texts


def stages(samples: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Break sound text in a few places, and tell what it was after each."""
    edits = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 3), texts), max_size=4)
    return st.builds(_edit, st.sampled_from(samples), edits)


def _edit(text: str, edits: list[tuple[int, int, str]]) -> list[str]:
    found = [text]
    for place, removed, more in edits:
        found += [text[:place] + more + text[place + removed :], more]
        text = found[-2]
    return found


def objects(
    sound: dict[str, Any], names: Sequence[str], known: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """Return `sound` with a few fields set to what fits (`known`) or not; or anything."""
    fields = st.dictionaries(
        st.sampled_from(names), st.one_of(known, known, known, values), max_size=3
    )
    nothing: dict[str, Any] = {}
    more = st.just(nothing) | st.dictionaries(texts, values, max_size=2)
    changed = st.builds(lambda one, other: sound | one | other, fields, more)
    return st.one_of(changed, changed, values)


def bodies(decoded: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Return messages as they come in: decoded, as text, as text that is cut, and as none."""
    return st.builds(_forms, decoded, st.integers(0, 200), st.binary(max_size=60) | nested)


def _forms(value: Any, end: int, other: bytes | str) -> list[Any]:
    written = json.dumps(value).encode()
    raw = other.encode() if isinstance(other, str) else other
    at = end % (len(written) + 1)
    return [value, written, written[:at], written[:at] + raw + written[at:], raw]
