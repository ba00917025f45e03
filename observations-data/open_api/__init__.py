"""The OpenAPI document of the service and its page; routes describe themselves by `described`."""

from open_api.answers import (
    COUNT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    file_answer,
    json_answer,
    list_of,
    listing,
    record,
    row_of,
    table_answer,
    with_optional,
)
from open_api.descriptions import FORM, OPERATION, Answer, Parameter, Schema, described

__all__ = [
    "COUNT",
    "FORM",
    "MAYBE_NUMBER",
    "MAYBE_TEXT",
    "NUMBER",
    "OBJECT",
    "OPERATION",
    "TEXT",
    "TIME",
    "Answer",
    "Parameter",
    "Schema",
    "described",
    "file_answer",
    "json_answer",
    "list_of",
    "listing",
    "record",
    "row_of",
    "table_answer",
    "with_optional",
]
