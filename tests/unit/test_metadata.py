"""Header values as they are kept, and which image a file is."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.ids import parse_path
from panoptes_network.metadata import (
    MAX_VALUE_CHARS,
    clean_headers,
    identify,
    image_path,
    integer,
    number,
    text,
)

PATH = parse_path("PAN001/KIC 8462852/14d3bd/20160909T081152/20160909T081302.fits")
POINTING = parse_path("PAN001/M42/14d3bd/20160909T081152/pointing00.fits")
IMAGE_ID, SEQUENCE_ID = "PAN001_14d3bd_20160909T081302", "PAN001_14d3bd_20160909T081152"


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        (120.4, 120.4),
        (100, 100),
        (True, True),
        ("11 C", 11.0),
        ("-3.5 C", -3.5),
        ("0.019 mm", 0.019),
        ("120s", 120.0),
        ("100", 100),
        ("-7", -7),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("true", True),
        ("FALSE", False),
        ("471 1024 1024 733", "471 1024 1024 733"),
        ("  spaced  ", "spaced"),
        ("T", "T"),
        ("12 parsecs", "12 parsecs"),
        ("<script>", "<script>"),
        ("ż'β\"", "ż'β\""),
        ("nul\0byte", "nulbyte"),
        ("half \ud800 pair", "half ? pair"),
        ("x" * 9999, "x" * MAX_VALUE_CHARS),
        # What says nothing, or nothing that JSON and SQL could hold, is left out.
        ("", None),
        ("   ", None),
        (None, None),
        (math.nan, None),
        (-math.inf, None),
        ("1e999", None),
        ("9" * 30, None),
        (10**400, None),
        ([1, 2], None),
        ({"a": 1}, None),
    ],
)
def test_value_cleaned(value: object, cleaned: object) -> None:
    kept = clean_headers({"CARD": value}).get("CARD")
    assert kept == cleaned
    assert type(kept) is type(cleaned)


def test_names_stay_text_where_they_look_like_numbers() -> None:
    names = {"INSTRUME": "12e456", "CAMSN": "012070048413", "FIELD": "1984", "FILTER": " "}
    assert clean_headers(names) == {"INSTRUME": "12e456", "CAMSN": "012070048413", "FIELD": "1984"}


def test_keywords_are_upper_case_and_never_empty() -> None:
    assert clean_headers({" exptime\0": 1, "": 2, "\0": 3}) == {"EXPTIME": 1}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.text(), values))
def test_what_is_kept_is_clean_already(headers: dict[str, Any]) -> None:
    cleaned = clean_headers(headers)
    assert clean_headers(cleaned) == cleaned
    # PostgreSQL takes strict JSON in UTF-8 only, and no NUL in it.
    assert json.dumps(cleaned, allow_nan=False, ensure_ascii=False).encode()
    for keyword, value in cleaned.items():
        assert "\0" not in f"{keyword}{value}"
        assert isinstance(number(cleaned, keyword), float | None)
        assert isinstance(integer(cleaned, keyword), int | None)


def test_numbers_and_texts_of_headers() -> None:
    headers = {"ISO": 100.0, "HUGE": 2**31, "BOOL": True, "WORD": "w", "SERIAL": 12}
    assert (number(headers, "ISO"), integer(headers, "ISO")) == (100.0, 100)
    assert (number(headers, "HUGE"), integer(headers, "HUGE")) == (2.0**31, None)
    assert number(headers, "BOOL") is number(headers, "WORD") is number(headers, "NONE") is None
    assert (text(headers, "SERIAL"), text(headers, "NONE")) == ("12", None)


def test_ids_come_from_the_path_first() -> None:
    headers = {"IMAGEID": "PAN002_abcdef_20200101T000000", "FIELD": "M42"}
    identity = identify(PATH, headers)
    assert (str(identity.image), str(identity.sequence)) == (IMAGE_ID, SEQUENCE_ID)
    assert identity.field == "KIC 8462852"
    assert identity.contradictions == {
        "IMAGEID": {"believed": IMAGE_ID, "header": "PAN002_abcdef_20200101T000000"},
        "FIELD": {"believed": "KIC 8462852", "header": "M42"},
    }


def test_agreement_and_silence_are_no_contradictions() -> None:
    headers = {"IMAGEID": IMAGE_ID, "SEQID": SEQUENCE_ID, "FIELD": "KIC 8462852"}
    assert identify(PATH, headers).contradictions == {}
    assert identify(PATH, {}).contradictions == {}


def test_camera_left_out_of_the_header_as_in_the_real_frame() -> None:
    said = "PAN001_XXXXXX_20160909T081302"
    identity = identify(PATH, {"IMAGEID": said})
    assert str(identity.image) == IMAGE_ID
    assert identity.contradictions == {"IMAGEID": {"believed": IMAGE_ID, "header": said}}


def test_ids_come_from_the_header_where_there_is_no_path() -> None:
    identity = identify(None, {"IMAGEID": IMAGE_ID, "SEQID": SEQUENCE_ID, "FIELD": "M42"})
    assert (str(identity.image), str(identity.sequence)) == (IMAGE_ID, SEQUENCE_ID)
    assert (identity.field, identity.contradictions) == ("M42", {})


@pytest.mark.parametrize("said", [None, "", "nonsense", "PAN002_14d3bd_20160909T081152"])
def test_an_image_without_a_sequence_of_its_camera_is_its_own(said: str | None) -> None:
    identity = identify(None, clean_headers({"IMAGEID": IMAGE_ID, "SEQID": said}))
    assert str(identity.sequence) == IMAGE_ID
    assert ("SEQID" in identity.contradictions) == bool(said)


def test_a_pointing_image_takes_its_time_from_the_header() -> None:
    assert str(identify(POINTING, {"IMAGEID": IMAGE_ID}).image) == IMAGE_ID


@pytest.mark.parametrize("path", [None, POINTING])
@pytest.mark.parametrize("said", [{}, {"IMAGEID": "PAN001_XXXXXX_20160909T081302"}, {"IMAGEID": 5}])
def test_nobody_says_which_image_it_is(path: Any, said: dict[str, Any]) -> None:
    with pytest.raises(PermanentError) as caught:
        identify(path, said)
    assert caught.value.reason is Reason.NO_IDENTITY


@pytest.mark.parametrize("year", ["0001", "1969", "9999"])
@pytest.mark.parametrize("card", ["IMAGEID", "SEQID"])
def test_a_time_in_the_header_that_no_clock_gives_is_refused(card: str, year: str) -> None:
    ids = {"IMAGEID": IMAGE_ID, "SEQID": SEQUENCE_ID}
    with pytest.raises(PermanentError, match=f"time {year}0909T") as caught:
        identify(None, {**ids, card: ids[card].replace("2016", year)})
    assert caught.value.reason is Reason.BAD_TIME


def test_path_under_which_a_unit_uploads_an_image() -> None:
    identity = identify(None, {"IMAGEID": IMAGE_ID, "SEQID": SEQUENCE_ID, "FIELD": "a/b"})
    path = image_path(identity, ".fits")
    assert path.path == "PAN001/a-b/14d3bd/20160909T081152/20160909T081302.fits"
    assert parse_path(path.path) == path
