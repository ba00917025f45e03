"""Header values as they are kept, and what is found wrong with them."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.frames.header_values import (
    MAX_FINDINGS,
    MAX_VALUE_CHARS,
    QUANTITIES,
    clean_headers,
    read_headers,
)
from panoptes_network.frames.metadata import integer, number


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        (120.4, 120.4),
        (100, 100),
        (True, True),
        ("11 C", 11.0),
        ("11 °C", 11.0),
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
        ("1e999", "1e999"),
        ("9" * 30, "9" * 30),
        # What says nothing, or nothing that JSON and SQL could hold, is left out.
        ("", None),
        ("   ", None),
        (None, None),
        (math.nan, None),
        ("NaN", None),
        ("-inf", None),
        (-math.inf, None),
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


@pytest.mark.parametrize(
    ("card", "written", "value"),
    [
        ("EXPTIME", "120,5", 120.5),
        ("EXPTIME", "120.5 sec", 120.5),
        ("EXPTIME", "120 seconds", 120),
        ("EXPTIME", "500 ms", 0.5),
        ("EXPTIME", "1/4", 0.25),
        ("EXPTIME", "2 min", 120.0),
        ("EXPTIME", 0, 0),
        ("CAMTEMP", "11 °C", 11),
        ("CAMTEMP", "-3,5 C", -3.5),
        ("CAMTEMP", "11 degC", 11),
        ("LAT-OBS", "19,54", 19.54),
        ("LAT-OBS", "19:32:24 S", -19.54),
        ("LONG-OBS", "-155 34 48", -155.58),
        ("LONG-OBS", "155d34m48s W", -155.58),
        ("LONG-OBS", "155.58 W", -155.58),
        ("LONG-OBS", 204.42, -155.58),
        ("LONG-OBS", "\N{MINUS SIGN}155,58", -155.58),
        ("ELEV-OBS", "3.4 km", 3400.0),
        ("ELEV-OBS", "3400 meters", 3400),
        ("RA-MNT", "20 12 50.6", 303.2108333),
        ("RA-MNT", "303.2", 303.2),
        ("RA-MNT", "303d12m39s", 303.2108333),
        ("DEC-MNT", "+46:01:12", 46.02),
        ("DEC-MNT", "-0 30 00", -0.5),
        ("ISO", "100", 100),
    ],
)
def test_a_quantity_is_read_however_it_is_written(card: str, written: Any, value: float) -> None:
    read = read_headers({card: written})
    assert read.values[card] == pytest.approx(value, abs=1e-6)
    assert read.findings == {}


@pytest.mark.parametrize("name", ["EXPOSURE", "EXP-TIME", "exp_time"])
def test_an_exposure_time_has_several_names(name: str) -> None:
    values = read_headers({name: "120,5"}).values
    assert (values["EXPTIME"], values[name.upper()]) == (120.5, 120.5)


def test_a_place_of_other_programs_is_the_mounts() -> None:
    values = clean_headers({"OBJCTRA": "20 12 50.6", "OBJCTDEC": "+46 01 12"})
    assert values["RA-MNT"] == pytest.approx(303.2108333)
    assert values["DEC-MNT"] == pytest.approx(46.02)


def test_the_networks_own_name_is_believed_before_others() -> None:
    assert clean_headers({"EXPOSURE": 1, "EXPTIME": 120})["EXPTIME"] == 120
    assert clean_headers({"EXPOSURE": 120, "EXPTIME": -1})["EXPTIME"] == 120


@pytest.mark.parametrize(
    ("card", "written", "kept"),
    [
        ("EXPTIME", -1, None),
        ("EXPTIME", "-1 s", None),
        ("EXPTIME", math.nan, None),
        ("EXPTIME", "NaN", None),
        ("EXPTIME", True, None),
        ("EXPTIME", 1e9, None),
        ("EXPTIME", 10**400, None),
        ("EXPTIME", "1e999", None),
        ("EXPTIME", "1/0", "1/0"),
        ("EXPTIME", "two minutes", "two minutes"),
        ("EXPTIME", "2 weeks", "2 weeks"),
        ("EXPTIME", "120 05 30", "120 05 30"),
        ("EXPOSURE", -1, None),
        ("LAT-OBS", 120, None),
        ("LAT-OBS", "19 75 00", "19 75 00"),
        ("ELEV-OBS", "3,400", "3,400"),
        ("RA-MNT", "301 33 51", None),
        ("DEC", "91", None),
        ("ISO", 0, None),
        ("CAMTEMP", "300 K", "300 K"),
        ("AIRMASS", math.inf, None),
        ("AIRMASS", "nan", None),
        ("SERIAL", 2**70, None),
        ("LIST", [1, 2], None),
        ("FIELD", "x" * (MAX_VALUE_CHARS + 1), "x" * MAX_VALUE_CHARS),
    ],
)
def test_what_no_card_can_have_is_a_finding(card: str, written: Any, kept: Any) -> None:
    read = read_headers({card: written})
    assert read.values.get(card) == kept
    assert list(read.findings) == [card]
    assert read.findings[card]["problem"]
    assert read.findings[card]["header"]


def test_a_finding_quotes_the_header_and_says_what_may_stand_there() -> None:
    findings = read_headers({"EXPTIME": "-1", "LAT-OBS": 120}).findings
    assert findings == {
        "EXPTIME": {"header": "-1", "problem": "is not seconds from 0 to 86400"},
        "LAT-OBS": {"header": "120", "problem": "is not degrees from -90 to 90"},
    }


def test_what_says_nothing_is_no_finding() -> None:
    assert read_headers({"EXPTIME": "", "ISO": None, "LAT-OBS": " \0"}).findings == {}


def test_findings_are_not_endless() -> None:
    findings = read_headers({f"K{n}": math.nan for n in range(9999)}).findings
    assert len(findings) == MAX_FINDINGS


quantities = st.sampled_from(sorted(QUANTITIES))


@given(st.dictionaries(quantities, st.text("0123456789,.:-+/ °dhmsCNSEW") | st.floats()))
def test_a_quantity_is_a_number_that_can_be_or_a_text(headers: dict[str, Any]) -> None:
    for card, value in clean_headers(headers).items():
        quantity = QUANTITIES[card]
        assert isinstance(value, str) or quantity.low <= value <= quantity.high
