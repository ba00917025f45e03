#!/usr/bin/env python3
"""Find phrases in docstrings, comments, messages, pages and Markdown that are not plain English.

Exit status 1 if there are any. The list is short: it has the patterns that came back most often.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from script import begin

ROOT = Path(__file__).resolve().parents[1]
NOT_CHECKED = (
    "bin/plain_words.py",
    "tests/",
    "bench/",
    "docs/decisions/",
    "CHANGELOG.md",
    "node_modules/",
    "shared/panoptes_network/database/migrations/",
)
"""Folders and files that are not shipped, or that record the past."""

PHRASES = {
    r"\bso (?:many|long|few)\b(?! that\b)": "give the number or the limit a name",
    r"\bof them\b": "name the thing",
    r"\bthereof\b": "name the thing",
    r"\bwherever it\b": "say where",
    r"\btold (?:of|apart)\b": "use report, record or distinguish",
    r"\b(?:an|the|its|each) answers?\b(?! is\b)": "use response",
    r"\bfurther (?:files|rows|cards|parts)\b": "use product files, more or additional",
    r"\b(?:is|are) away\b": "use is unavailable",
    r"\banew\b": "use again or from the start",
    r"\bas (?:it|they) should be\b": "say what is expected",
    r"\b(?:became|came|become|comes) of (?:it|them|each|the)\b": "name the result",
    r"\bcan(?:not)? be had\b": "use is (not) available",
    r"\b(?:is|are) believed\b": "use is used",
    r"\bin the midst\b": "use during",
    r"\bin work\b": "use being processed",
    r"\bplaces? on the sky\b": "use position",
    r"\bthat there (?:is|are) not\b": "use unknown",
    r"\bof no known\b": "use unknown",
    r"\bnothing (?:came|comes) of\b": "use without result",
    r"\bwhat (?:waits|lies|holds|stands|is there)\b": "name the thing",
    r"\bfor the want of\b": "use without",
    r"\bwhat (?:there is|it is) (?:of|to)\b": "name the thing",
}
"""Advice by the pattern of a phrase."""

FIRST_WORDS = {
    r"(?:What|Who|Where|Whose|Which|How) (?!\w+ing\b)": "start with a noun or a verb",
    r"(?:Tell|Give) (?!back\b)": "use Get, Return or List",
    r"(?:Of|So|As) ": "start with a noun or a verb",
}
"""Advice by the pattern of a docstring's first words."""


def main() -> int:
    """Print every phrase with its position; return the exit status."""
    found = 0
    for path in _files():
        for line, text, is_start in _texts(path):
            for phrase, advice in _phrases(text, is_start=is_start):
                found += 1
                print(f"{path.relative_to(ROOT)}:{line}: {phrase!r}: {advice}")
    return 1 if found else 0


def _files() -> list[Path]:
    """Return the Python, Markdown and HTML files to check."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py", "*.md", "*.html"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    names = [name for name in listed.split("\0") if name and not name.startswith(NOT_CHECKED)]
    return [ROOT / name for name in names if (ROOT / name).exists()]


def _texts(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield line number, text, and whether a docstring starts there."""
    source = path.read_text()
    if path.suffix in (".md", ".html"):
        for number, line in enumerate(source.splitlines(), 1):
            yield number, re.sub(r"`[^`]*`", "`", line), False
        return
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, " ".join(node.value.split()), id(node) in docstrings
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string, False


def _phrases(text: str, *, is_start: bool) -> Iterator[tuple[str, str]]:
    """Yield the phrases found in a text, with advice."""
    for pattern, advice in PHRASES.items():
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield match[0], advice
    if is_start:
        for pattern, advice in FIRST_WORDS.items():
            if first := re.match(pattern, text):
                yield first[0].strip(), advice


if __name__ == "__main__":
    begin(__doc__)
    sys.exit(main())
