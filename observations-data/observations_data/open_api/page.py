"""The page of the document: its operations by tag, in words."""

from dataclasses import dataclass
from itertools import groupby

from observations_data.open_api.operations import DOCUMENTATION, OPERATION, Schema

LAST = {DOCUMENTATION, OPERATION}
ANY = "any value"
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
    ANY: ANY,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter, or a column of a table: its name, type, and description."""

    name: str
    kind: str
    description: str
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One operation on the page; `tables` are the columns of its rows by table."""

    anchor: str
    tag: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Value]
    media_types: list[str]
    tables: dict[str, list[Value]]
    problems: list[tuple[str, str]]


def sections_of(document: Schema) -> dict[str, list[Section]]:
    """Return the operations of a document by tag, as shown on the page."""
    sections = [
        _section(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags = [section.tag for section in sections]
    sections.sort(key=lambda section: (section.tag in LAST, tags.index(section.tag)))
    return {tag: list(found) for tag, found in groupby(sections, lambda section: section.tag)}


def words_of(schema: Schema) -> str:
    """Return the allowed values in words: ``whole number, 1 to 500, else 50``."""
    if "anyOf" in schema:
        return " or ".join(words_of(way) for way in schema["anyOf"])
    if "const" in schema:
        return f"“{schema['const']}”"
    if "enum" in schema:
        words = ", ".join(schema["enum"])
    else:
        types = schema.get("type", ANY)
        names = types if isinstance(types, list) else [types]
        words = " or ".join(_WORDS[name] for name in names)
    more = [schema[name] for name in ("format", "x-unit") if name in schema]
    return ", ".join([words, *more, *_limits(schema)])


def _limits(schema: Schema) -> list[str]:
    said = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        said.append(f"{low:,} to {high:,}")
    elif low is not None:
        said.append(f"from {low:,}")
    if "default" in schema:
        said.append(f"else {schema['default']}")
    return said


def _section(document: Schema, path: str, method: str, operation: Schema) -> Section:
    responses = operation["responses"]
    content = responses["200"]["content"]
    names = dict.fromkeys(_references(content))
    return Section(
        anchor=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        parameters=[_value(part) for part in operation["parameters"]],
        media_types=list(content),
        tables={name: _columns(document["components"]["schemas"][name]) for name in names},
        problems=[
            (status, response["description"])
            for status, response in responses.items()
            if int(status) >= 400
        ],
    )


def _value(part: Schema) -> Value:
    return Value(
        part["name"], words_of(part["schema"]), part["description"], part.get("required", False)
    )


def _columns(row: Schema) -> list[Value]:
    return [
        Value(name, words_of(schema), schema.get("description", ""))
        for name, schema in row["properties"].items()
    ]


def _references(part: object) -> list[str]:
    """Return the names of the schemas referenced in a part of the document."""
    if isinstance(part, list):
        return [name for item in part for name in _references(item)]
    if not isinstance(part, dict):
        return []
    if "$ref" in part:
        return [part["$ref"].rpartition("/")[2]]
    return _references(list(part.values()))
