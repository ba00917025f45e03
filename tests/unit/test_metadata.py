"""Header values as they are kept, and which image a file is."""

from typing import Any

import pytest

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.fits_header import Cards
from panoptes_network.frames.header_values import clean_headers
from panoptes_network.frames.metadata import identify, image_path, integer, number, text
from panoptes_network.ids import parse_path

PATH = parse_path("PAN001/KIC 8462852/14d3bd/20160909T081152/20160909T081302.fits")
POINTING = parse_path("PAN001/M42/14d3bd/20160909T081152/pointing00.fits")
IMAGE_ID, SEQUENCE_ID = "PAN001_14d3bd_20160909T081302", "PAN001_14d3bd_20160909T081152"


def test_numbers_and_texts_of_headers() -> None:
    headers: Cards = {"ISO": 100.0, "HUGE": 2**31, "BOOL": True, "WORD": "w", "SERIAL": 12}
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
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "there is no IMAGEID"),
        ({"IMAGEID": "PAN001_XXXXXX_20160909T081302"}, "IMAGEID is 'PAN001_XXXXXX_20160909T"),
        ({"IMAGEID": 5}, "IMAGEID is '5', which is not an id"),
    ],
)
def test_nobody_says_which_image_it_is(path: Any, said: dict[str, Any], words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        identify(path, said)
    assert caught.value.reason is Reason.NO_IDENTITY
    assert words in caught.value.message


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
