"""Invalid values are explained in plain words, and never in pydantic's."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from panoptes_network import invalid_values


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    unit: Annotated[str, Field(pattern="^PAN[0-9]{3}$")] = "PAN001"
    code: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    word: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    count: Annotated[int, Field(ge=1, lt=10)] = 1
    angle: Annotated[float, Field(gt=0, le=90)] = 1.0
    flag: bool = False
    night: date | None = None
    time: datetime | None = None
    colour: Colour = Colour.RED
    level: Literal[1, 2] = 1
    tags: Annotated[list[str], Field(min_length=1, max_length=1)] = ["a"]
    cards: dict[str, int] | None = None
    odd: int = 1

    @field_validator("odd")
    @classmethod
    def _is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("must be odd")
        return value


def explained(value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        Request.model_validate(value)
    return invalid_values.explain(refused.value)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("unit", "M42", "must be an id like PAN001"),
        ("code", "A1", "is not in the expected form"),
        ("word", "a", "must have at least 2 characters"),
        ("word", "abcd", "must have at most 3 characters"),
        ("word", 5, "must be text"),
        ("count", 0, "must be at least 1"),
        ("count", 10, "must be less than 10"),
        ("count", 1.5, "must be a whole number"),
        ("count", "many", "must be a whole number"),
        ("count", "9" * 5000, "must be a smaller whole number"),
        ("count", [], "must be a whole number"),
        ("angle", 0, "must be greater than 0"),
        ("angle", 91, "must be at most 90"),
        ("angle", "high", "must be a number"),
        ("angle", [], "must be a number"),
        ("angle", float("nan"), "must be a finite number"),
        ("flag", "maybe", "must be true or false"),
        ("flag", [], "must be true or false"),
        ("night", "soon", "must be a date like 2018-10-11"),
        ("night", [], "must be a date like 2018-10-11"),
        ("time", "soon", "must be a time like 2018-10-11T13:42:02Z"),
        ("time", [], "must be a time like 2018-10-11T13:42:02Z"),
        ("colour", "green", "must be 'red' or 'blue'"),
        ("level", 3, "must be 1 or 2"),
        ("tags", "a", "must be a list"),
        ("tags", [], "must have at least 1 items"),
        ("tags", ["a", "b"], "must have at most 1 items"),
        ("cards", 5, "must be a JSON object"),
        ("odd", 2, "must be odd"),
        ("other", 2, "is not a known field"),
    ],
)
def test_a_wrong_value_is_explained(field: str, value: object, words: str) -> None:
    assert explained({field: value}) == f"{field}: {words}"


def test_all_wrong_values_are_named_up_to_a_limit() -> None:
    assert explained({"count": 0, "angle": 0}) == (
        "count: must be at least 1; angle: must be greater than 0"
    )
    assert explained({f"x{n}": 1 for n in range(9)}).count("is not a known field") == 5
    assert len(explained({"x" * 5000: 1})) < 200


def test_a_wrong_body_is_explained() -> None:
    assert explained([]) == "the body: must be a JSON object"
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Request).validate_json("{")
    assert invalid_values.explain(refused.value) == "the body: must be valid JSON"
