"""Response schemas; a table's schema is derived from its columns."""

from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from observations_data.data_tables import MEDIA_TYPES, Column, Format, Kind, Table
from observations_data.open_api.operations import Parameter, ResponseSpec, Schema

TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "number"}
MAYBE_NUMBER: Schema = {"type": ["number", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
OBJECT: Schema = {"type": "object"}
ID: Schema = {"type": "string", "pattern": "^-?[0-9]{1,19}$"}
"""A 64-bit integer as text: JavaScript rounds numbers of more than 53 bits."""
PROBLEM: Schema = {
    "type": "object",
    "description": "Description of an error (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "explanation of the error"},
        "parameter": {"type": "string", "description": "name of the invalid parameter"},
    },
}
FORMAT = Parameter(
    "format",
    "Format of the table; by default, it is negotiated by the Accept header.",
    {"enum": [*Format], "default": Format.JSON},
)
_TYPES = {
    Kind.TEXT: "string",
    Kind.INTEGER: "integer",
    Kind.ID: "string",
    Kind.REAL: "number",
    Kind.TIME: "string",
    Kind.BOOLEAN: "boolean",
}
_LIMITS = {Kind.TIME: TIME, Kind.ID: ID}


def record(**properties: Schema) -> Schema:
    """Return the schema of an object with these required properties."""
    return {"type": "object", "required": list(properties), "properties": properties}


def with_optional(schema: Schema, **properties: Schema) -> Schema:
    """Return the schema of an object with these optional properties added."""
    return {**schema, "properties": {**schema["properties"], **properties}}


def schema_of(kind: Any, *tables: Table, **choices: type[StrEnum]) -> Schema:
    """Return the schema of a type as JSON has it, with each part in its place.

    The rows of `tables` are references to their schemas; `choices` are the values of texts by their
    names.
    """
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    rows = {table.row.__name__: row_of(table) for table in tables if table.row}
    whole: Schema = _without_references(schema, {**schema.pop("$defs", {}), **rows})
    said = {name: {"enum": [*values]} for name, values in choices.items()}
    return with_optional(whole, **said) if said else whole


def list_of(item: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


def row_of(table: Table) -> Schema:
    """Return the reference to the schema of a table's row."""
    return {"$ref": f"#/components/schemas/{table.name}"}


def row_schema(table: Table) -> Schema:
    """Return the schema of a table's row as JSON has it."""
    row = record(**{column.name: _column_schema(column) for column in table.columns})
    return {**row, "description": table.description}


def listing(kind: type, table: Table, **choices: type[StrEnum]) -> ResponseSpec:
    """Describe a listing: as JSON by its type (see `schema_of`), else only its rows."""
    return table_spec(table, schema_of(kind, table, **choices))


def table_spec(table: Table, page: Schema, *tables: Table) -> ResponseSpec:
    """Describe a table, as JSON in `page`, which may refer to more `tables`."""
    flat: dict[str, Schema] = {
        media: {} for media, written in MEDIA_TYPES.items() if written is not Format.JSON
    }
    return ResponseSpec(
        {"application/json": page, **flat},
        table.description,
        tables=(table, *tables),
        query=(FORMAT,),
        problems=(400, 406),
    )


def json_spec(description: str, schema: Schema, *tables: Table) -> ResponseSpec:
    """Describe JSON; `tables` are those that the schema refers to."""
    return ResponseSpec({"application/json": schema}, description, tables)


def file_spec(description: str, *media_types: str) -> ResponseSpec:
    """Describe a file with one of these media types."""
    return ResponseSpec({media_type: {} for media_type in media_types}, description)


def _column_schema(column: Column) -> Schema:
    said = {"description": column.description, "x-unit": column.unit, "x-ucd": column.ucd}
    schema = {name: value for name, value in said.items() if value}
    if column.kind is Kind.JSON:
        return schema
    limits = _LIMITS.get(column.kind, {})
    return {**limits, **schema, "type": [_TYPES[column.kind], "null"]}


def _without_references(part: Any, parts: dict[str, Schema]) -> Any:
    if isinstance(part, list):
        return [_without_references(one, parts) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("$ref", "").startswith("#/$defs/"):
        return _without_references(parts[part["$ref"].rpartition("/")[2]], parts)
    return {
        name: _without_references(value, parts)
        for name, value in part.items()
        # A title that is no property only repeats a name.
        if name != "title" or isinstance(value, dict)
    }
