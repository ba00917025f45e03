"""Object paths and ids: what is read is written again unchanged, the rest is refused by name."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.ids import (
    IMAGE_SUFFIXES,
    CameraTime,
    ObjectPath,
    check_safe,
    check_time,
    end_of_times,
    format_time,
    image_suffix,
    parse_path,
    parse_time,
    parse_upload_path,
)

PATH = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"
DIGITS = "0123456789"

units = st.text(DIGITS, min_size=3, max_size=3).map("PAN{}".format)
cameras = st.text(DIGITS + "abcdef", min_size=6, max_size=6)
times = st.datetimes().map(lambda time: f"{time.year:04}{time:%m%dT%H%M%S}")
fields = st.text(st.characters(exclude_characters="/"), min_size=1, max_size=100).filter(
    lambda text: text.isprintable() and text not in (".", "..")
) | st.sampled_from(["KIC 8462852", "<script>", "M 42 'β' \"Ż\""])
stems = times | st.text(DIGITS + "abcxyz_", max_size=8).map("pointing{}".format)
suffixes = st.sampled_from(IMAGE_SUFFIXES).flatmap(
    lambda suffix: st.sampled_from([suffix, suffix.upper(), suffix.title()])
)


@st.composite
def paths(draw: st.DrawFn) -> str:
    field = draw(st.none() | fields)
    name = draw(stems) + draw(suffixes)
    parts = [draw(units), field, draw(cameras), draw(times), name]
    return "/".join(part for part in parts if part is not None)


@given(paths())
def test_a_path_is_put_together_as_it_was_taken_apart(path: str) -> None:
    assert parse_path(path).path == path


@given(st.text(max_size=60) | st.from_regex(r"PAN00./.{0,9}/14d3b./2018.{0,13}/.*\.fits"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(PermanentError):
        path = parse_path(text)
        assert parse_path(path.path) == path


@given(paths(), st.data())
def test_another_spelling_of_a_path_means_the_same_image(path: str, data: st.DataObject) -> None:
    known = parse_path(path)
    assert parse_path(data.draw(spellings(known))) == known


@st.composite
def spellings(draw: st.DrawFn, path: ObjectPath) -> str:
    """Write the path of an image as another program or a person might."""
    case = st.sampled_from([str.upper, str.lower, str.title])
    unit, camera = draw(case)(path.unit_id), draw(case)(path.camera_id)
    sequence, stem = draw(times_like(path.sequence_time)), path.stem
    if path.image_time is not None:
        stem = draw(times_like(path.image_time))
        stem = draw(st.sampled_from(["", f"{draw(case)(unit)}_{camera}_"])) + stem
    folders = [unit, path.field, camera, sequence]
    return "/".join([*(part for part in folders if part), stem + path.suffix])


def times_like(time: datetime) -> st.SearchStrategy[str]:
    dates = [f"{time.year:04}{time:%m%d}", f"{time.year:04}-{time:%m-%d}"]
    clocks = [f"{time:%H%M%S}", f"{time:%H:%M:%S}", f"{time:%H-%M-%S}"]
    parts = (dates, ["T", "t"], clocks, ["", ".5", ",123456"], ["", "Z", "z", "+00:00"])
    return st.tuples(*map(st.sampled_from, parts)).map("".join)


def test_the_parts_of_a_path() -> None:
    path = parse_path(PATH)
    assert (path.unit_id, path.field, path.camera_id) == ("PAN001", "M42", "14d3bd")
    assert path.sequence_id == "PAN001_14d3bd_20181011T134202"
    assert path.image_id == "PAN001_14d3bd_20181011T134333"
    assert path.image_time == datetime(2018, 10, 11, 13, 43, 33, tzinfo=UTC)
    assert (path.suffix, path.is_raw, path.is_pointing) == (".fits.fz", False, False)


def test_newer_units_leave_the_field_out() -> None:
    path = parse_path("PAN001/14d3bd/20181011T134202/20181011T134333.CR2")
    assert path.field is None
    assert path.is_raw
    assert path.sequence_id == "PAN001_14d3bd_20181011T134202"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("pan306/M42/CCCC02/20180812t083000Z/2018-08-12T08:30:00.123.fits", "M42"),
        ("PAN306/Case/one more/cccc02/20180812T083000/20180812T083000.fits", "Case/one more"),
        ("PAN306/cccc02/20180812T083000/PAN306_CCCC02_20180812T083000.fits", None),
    ],
)
def test_the_ids_of_a_path_are_kept_in_one_form(path: str, kept: str | None) -> None:
    parsed = parse_path(path)
    assert parsed.image_id == "PAN306_cccc02_20180812T083000"
    assert parsed.sequence_id == "PAN306_cccc02_20180812T083000"
    assert parsed.field == kept
    folders = f"PAN306/{kept}" if kept else "PAN306"
    assert parsed.path == f"{folders}/cccc02/20180812T083000/20180812T083000.fits"


def test_a_leap_second_counts_as_the_next_one() -> None:
    parsed = parse_path(PATH.replace("20181011T134333", "20161231T235960"))
    assert parsed.image_id == "PAN001_14d3bd_20170101T000000"


@pytest.mark.parametrize(
    "text", ["PAN601_14D3BD_20180812T083000", " pan601_14d3bd_2018-08-12T08:30:00.000Z "]
)
def test_an_id_is_read_in_any_spelling(text: str) -> None:
    assert str(CameraTime.in_any_spelling(text)) == "PAN601_14d3bd_20180812T083000"


@pytest.mark.parametrize("text", ["", "PAN601_14d3bd", "PAN001_XXXXXX_20160909T081152", "_" * 9])
def test_what_is_no_id_in_any_spelling(text: str) -> None:
    assert CameraTime.in_any_spelling(text) is None


def test_a_pointing_image_has_a_sequence_but_no_id() -> None:
    path = parse_path("PAN001/M42/14d3bd/20181011T134202/pointing00.fits")
    assert path.is_pointing
    assert path.image_time is None
    assert path.image_id is None
    assert path.sequence_id == "PAN001_14d3bd_20181011T134202"


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("", "empty"),
        ("PAN001/../14d3bd/20181011T134202/20181011T134333.fits", "'..'"),
        ("PAN001/M42/14d3bd/20181011T134202/./20181011T134333.fits", "'.'"),
        ("/PAN001/14d3bd/20181011T134202/20181011T134333.fits", "empty"),
        ("PAN001//14d3bd/20181011T134202/20181011T134333.fits", "empty"),
        (PATH.replace("M42", "M" * 2000), "1024 bytes"),
        (PATH.replace("M42", "ß" * 500), "1024 bytes"),
        (PATH.replace("M42", "M\n42"), "control"),
        (PATH.replace("M42", "M\x0042"), "control"),
        (PATH.replace("M42", "M\u202e42"), "control"),
        (PATH.replace("M42", "M\ud80042"), "control"),
        ("PAN001/20181011T134333.fits", "2 parts"),
        (f"M42/{PATH}", "unit 'M42'"),
        (PATH.replace("PAN001", "PAN1"), "unit 'PAN1'"),
        (PATH.replace("PAN001", "PAN\u0660\u0660\u0661"), "unit 'PAN"),
        (PATH.replace("14d3bd", "XXXXXX"), "camera 'XXXXXX'"),
        (PATH.replace("14d3bd", "14d3bd/more"), "camera 'more'"),
        (PATH.replace("T134202", ""), "sequence time '20181011', which is not a UTC time"),
        (PATH.replace("11T134202", "32T134202"), "'20181032T134202', which is not a UTC time"),
        (PATH.replace("T134333", "T134360"), "'20181011T134360', which is not a UTC time"),
        (PATH.replace("20181011T134333", "20161231T225960"), "file name '20161231T225960'"),
        (PATH.replace("20181011T134333", "2018-1011T134333"), "file name '2018-1011T134333'"),
        (PATH.replace("20181011T134333", "20181011T134333+01:00"), "+01:00'"),
        (PATH.replace("20181011T134333", "image"), "file name 'image'"),
        (PATH.replace("20181011T134333", "PAN002_14d3bd_20181011T134333"), "another unit"),
        (PATH.replace("20181011T134333", "PAN001_14d3be_20181011T134333"), "another unit"),
    ],
)
def test_the_wrong_part_of_a_path_is_named(path: str, wrong: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_path(path)
    assert caught.value.reason is Reason.BAD_PATH
    assert wrong in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("name", ["notes.txt", "20181011T134333.fits.zip", "20181011T134333"])
def test_another_file_type_is_refused_as_such(name: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_path(f"PAN001/M42/14d3bd/20181011T134202/{name}")
    assert caught.value.reason is Reason.UNKNOWN_FILE_TYPE


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.CR2", ".cr2"),
        ("a.Fits", ".fits"),
        ("a.FITS.FZ", ".fits.fz"),
        ("a.fz", ".fz"),
        ("a.fit", ".fit"),
        ("a.FTS", ".fts"),
        ("a.fits.gz", ".fits.gz"),
        ("a.fits.txt", None),
        ("fits", None),
        ("", None),
    ],
)
def test_suffix_of_an_image(name: str, suffix: str | None) -> None:
    assert image_suffix(name) == suffix


@given(units, cameras, times)
def test_an_id_is_written_as_it_was_read(unit: str, camera: str, time: str) -> None:
    assert str(CameraTime.parse(f"{unit}_{camera}_{time}")) == f"{unit}_{camera}_{time}"


@pytest.mark.parametrize(
    "text",
    ["", "PAN001_XXXXXX_20160909T081152", "PAN001_14d3bd_20160931T081152", "PAN001_14d3bd", PATH],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        CameraTime.parse(text)
    assert caught.value.reason is Reason.NO_IDENTITY


def test_times_are_written_in_utc() -> None:
    hawaii = timezone(timedelta(hours=-10))
    assert format_time(datetime(2018, 10, 11, 3, 42, 2, tzinfo=hawaii)) == "20181011T134202"
    assert parse_time("20181011T134202").tzinfo is UTC


@pytest.mark.parametrize("text", ["2018-10-11T13:42:02", "20181011T1342", "20181011T134202Z", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        parse_time(text)


def test_an_object_name_needs_no_ids_to_be_safe() -> None:
    name = "somewhere/20160909T081152.fits"
    check_safe(name)
    with pytest.raises(PermanentError):
        parse_path(name)


NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)


def test_times_end_with_tomorrow() -> None:
    assert end_of_times(NOW) == datetime(2026, 3, 2, tzinfo=UTC)
    just_past_midnight = datetime(2026, 3, 1, 9, 59, tzinfo=timezone(timedelta(hours=10)))
    assert end_of_times(just_past_midnight) == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("year", [1, 999, 1969, 1999, 2100, 9000, 9999])
@pytest.mark.parametrize("part", ["20181011T134202", "20181011T134333"])
def test_a_time_that_no_clock_gives_is_refused(part: str, year: int) -> None:
    bad = f"{year:04}1231T235959"
    with pytest.raises(PermanentError, match=f"{bad} is not between 2000-01-01 and") as refusal:
        parse_upload_path(PATH.replace(part, bad))
    assert refusal.value.reason is Reason.BAD_TIME


def test_the_first_and_the_last_time_are_taken() -> None:
    now = datetime.now(UTC)
    for time in (datetime(2000, 1, 1, tzinfo=UTC), now, now + timedelta(days=1)):
        check_time(time, "image")
    for time in (datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), now + timedelta(days=2)):
        with pytest.raises(PermanentError):
            check_time(time, "image")
