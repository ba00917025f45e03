"""Plain words for invalid values, from pydantic's errors."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MAX_PROBLEMS = 5
MAX_PLACE = 100

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "json_invalid": "must be valid JSON",
    "json_type": "must be valid JSON",
    "string_type": "must be text",
    "string_pattern_mismatch": "is not in the expected form",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "date_from_datetime_parsing": "must be a date like 2018-10-11",
    "date_parsing": "must be a date like 2018-10-11",
    "date_type": "must be a date like 2018-10-11",
    "datetime_from_date_parsing": "must be a time like 2018-10-11T13:42:02Z",
    "datetime_parsing": "must be a time like 2018-10-11T13:42:02Z",
    "datetime_type": "must be a time like 2018-10-11T13:42:02Z",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "list_type": "must be a list",
    "too_long": "must have at most {max_length} items",
    "too_short": "must have at least {min_length} items",
}
"""Words by pydantic's type of error, with its context; other types keep pydantic's message."""

_FORMS = {
    "^PAN[0-9]{3}$": "must be an id like PAN001",
    r"^[^\x00]*\S[^\x00]*$": "must not be blank, or contain NUL characters",
    r"^[^\x00]*$": "must not contain NUL characters",
    "^((mailto|tel):|https://|$)[!-:<-~]*$": "must begin with mailto:, tel: or https://",
}
"""Words for patterns, which people should not have to read."""


def explain(error: ValidationError) -> str:
    """Return which values are invalid, and what is valid, in one line."""
    return "; ".join(map(_problem, error.errors()[:MAX_PROBLEMS]))


def _problem(problem: ErrorDetails) -> str:
    # An external name may have any length.
    place = ".".join(map(str, problem["loc"]))[:MAX_PLACE] or "the body"
    return f"{place}: {words(problem)}"


def words(problem: ErrorDetails) -> str:
    """Return what is valid for a value, without the value's name."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch" and (form := _FORMS.get(str(context["pattern"]))):
        return form
    if kind not in _WORDS:
        return problem["msg"]
    shown = {
        name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()
    }
    return _WORDS[kind].format_map(shown)
