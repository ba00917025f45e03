"""Reads the Terraform files below `infra/`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

INFRA = Path(__file__).parents[2] / "infra"

Block = dict[str, Any]


def files() -> list[Path]:
    """Return the files of the root module."""
    return sorted(INFRA.glob("*.tf"))


def resources() -> Iterator[tuple[str, str, Block]]:
    """Give kind, name and body of each resource."""
    yield from _blocks("resource")


def data_sources() -> Iterator[tuple[str, str, Block]]:
    """Give kind, name and body of each data source."""
    yield from _blocks("data")


def named(word: str) -> set[str]:
    """Return the names of all variables, outputs or local values of the root module."""
    found: set[str] = set()
    for file in files():
        for block in _parsed(file).get(word, []):
            found |= {key.strip('"') for key in block if not key.startswith("__")}
    return found


def text() -> str:
    """Return all of the root module without its comments."""
    return re.sub(r"^\s*#.*$", "", "\n".join(f.read_text() for f in files()), flags=re.MULTILINE)


def _blocks(word: str) -> Iterator[tuple[str, str, Block]]:
    for file in files():
        for block in _parsed(file).get(word, []):
            for kind, inner in _items(block):
                for name, body in _items(inner):
                    yield kind, name, body


def arguments(body: Block) -> Iterator[tuple[str, list[Block] | None]]:
    """Give what stands in a block: each argument's name, with its blocks where it has some."""
    for name, value in _items(body):
        if name == "dynamic":
            for dynamic in value:
                yield from ((n, inner["content"]) for n, inner in _items(dynamic))
        else:
            is_block = isinstance(value, list) and any(
                isinstance(one, dict) and "__is_block__" in one for one in value
            )
            yield name, value if is_block else None


def _items(block: Block) -> Iterator[tuple[str, Any]]:
    return ((k.strip('"'), v) for k, v in block.items() if not k.startswith("__"))


def _parsed(file: Path) -> Block:
    with file.open() as opened:
        parsed: Block = hcl2.load(opened)
    return parsed
