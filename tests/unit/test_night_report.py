"""The night report on made facts: what it counts, misses, measures and advises."""

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.errors import Reason
from panoptes_network.figures import TRENDS
from panoptes_network.nights import advice, findings, statistics
from panoptes_network.nights.night import Night
from panoptes_network.nights.report import NightFacts, NightImage, NightSequence, Refusal, report
from panoptes_network.nights.schema import Course, NightReport
from panoptes_network.states import ImageState

START = datetime(2018, 10, 11, 13, 0, tzinfo=UTC)
NIGHT = Night.of(date(2018, 10, 11), None)
SEQUENCE = NightSequence(sequence_id="PAN001_14d3bd_20181011T125900", camera_id="14d3bd")


def image(number: int, **columns: Any) -> NightImage:
    time = START + timedelta(minutes=2 * number)
    known: dict[str, Any] = {
        "image_id": f"PAN001_14d3bd_{time:%Y%m%dT%H%M%S}",
        "sequence_id": SEQUENCE.sequence_id,
        "camera_id": SEQUENCE.camera_id,
        "time": time,
        "state": ImageState.SOURCES_EXTRACTED,
        "bucket_path": f"PAN001/14d3bd/20181011T125900/{time:%Y%m%dT%H%M%S}.fits.fz",
        "exptime_s": 120.0,
        "received_at": time + timedelta(seconds=150),
        "ended_at": time + timedelta(seconds=180),
        "updated_at": time + timedelta(seconds=180),
    }
    figures = {name: columns.pop(name) for name in TRENDS if name in columns}
    return NightImage(**{**known, **columns}, figures=figures)


def facts(images: list[NightImage], **known: Any) -> NightFacts:
    given_: dict[str, Any] = {
        "unit_id": "PAN001",
        "night": NIGHT,
        "now": START + timedelta(days=1),
        "images": images,
        "sequences": [SEQUENCE] if images else [],
    }
    return NightFacts(**{**given_, **known})


def said(made: NightReport[datetime]) -> str:
    return "\n".join(f"{found['what']} {found['action']}" for found in made["findings"])


def course(made: NightReport[datetime], name: str) -> Course:
    found = made["cameras"][0]["quality"][name]
    assert found is not None
    return found


def test_a_good_night() -> None:
    made = report(facts([image(n, fwhm_px=2.0, rms_arcsec=1.5) for n in range(10)]))
    assert (made["verdict"], made["findings"]) == ("good", [])
    assert made["states"] == {"sources_extracted": 10}
    assert made["solved_share"] == 1
    assert (made["first_image"], made["exposure_s"]) == (START, 1200)
    [camera] = made["cameras"]
    assert (camera["n_fits"], camera["n_cr2"], camera["n_fits_made"]) == (10, 0, 0)
    assert course(made, "fwhm_px")["median"] == 2.0
    assert made["delays"]["arrival_s"] == {"median": 30, "max": 30, "n": 10}
    assert made["delays"]["done_s"] == {"median": 30, "max": 30, "n": 10}
    [sequence] = made["sequences"]
    assert (sequence["cadence_s"], sequence["gaps"]) == (120, [])


def test_an_empty_night_says_what_to_check() -> None:
    made = report(facts([], previous_image=START - timedelta(days=3)))
    assert (made["verdict"], made["n_images"]) == ("empty", 0)
    assert len(made["findings"]) == len(advice.EMPTY_NIGHT)
    assert all(found["action"] for found in made["findings"])
    assert (made["previous_night"], made["next_night"]) == ("2018-10-08", None)


def test_files_by_kind() -> None:
    cr2 = "PAN001/14d3bd/20181011T125900/a.CR2"
    made = report(
        facts(
            [
                image(0),
                image(1, from_cr2=True, file_kinds=frozenset({"cr2", "picture"})),
                image(2, generation=-1, bucket_path=cr2, state="error", reason_code="not_cr2"),
            ]
        )
    )
    [sequence] = made["sequences"]
    assert (sequence["n_fits"], sequence["n_cr2"], sequence["n_fits_made"]) == (1, 2, 1)
    assert made["products"]["n_pictures"] == 1


@pytest.mark.parametrize("code", [*Reason, "unheard_of", None])
def test_each_reason_has_words_and_advice(code: str | None) -> None:
    made = report(facts([image(0, state="error", reason_code=code, reason="the words")]))
    [group] = made["failures"]
    assert (group["count"], group["reason_code"], group["example"]) == (1, code, "the words")
    assert group["meaning"]
    assert group["action"]
    assert group["action"] in said(made)
    assert (group["meaning"] == advice.UNKNOWN.meaning) == (code not in set(Reason))


def test_failures_are_grouped_most_frequent_first() -> None:
    clouds = {"state": "unsolved", "reason_code": "too_few_sources"}
    skipped = {"state": "skipped", "reason_code": "pointing_image"}
    images = [image(0, **skipped), *(image(n, **clouds) for n in range(1, 40))]
    made = report(facts(images))
    assert [(group["state"], group["count"]) for group in made["failures"]] == [
        ("unsolved", 39),
        ("skipped", 1),
    ]
    assert len(made["failures"][0]["image_ids"]) == 20
    assert [found["severity"] for found in made["findings"]] == ["problem", "note"]
    assert made["solved_share"] == 0


def test_refused_files() -> None:
    refusals = [
        Refusal(f"PAN001/{n}.txt", START, "cf-bucket-upload", "unknown_file_type", "no image")
        for n in range(30)
    ]
    made = report(facts([], refusals=refusals))
    assert made["verdict"] == "problems"
    [group] = made["refused"]
    assert (group["count"], len(group["files"])) == (30, 20)
    assert "30 files refused" in said(made)


def test_what_waits() -> None:
    waiting = {"state": ImageState.METADATA_RECEIVED, "ended_at": None}
    images = [
        image(0, **waiting, updated_at=START + timedelta(days=1, minutes=-10)),
        image(1, **waiting, updated_at=START + timedelta(days=1, minutes=-5)),
        image(2, **waiting, generation=0, bucket_path=None),
    ]
    made = report(facts(images, unseen_cr2=["PAN001_14d3bd_20181011T150000"]))
    waits = made["waiting"]
    assert (waits["count"], waits["oldest_s"], waits["n_without_file"]) == (2, 600, 1)
    assert waits["n_cr2_only"] == 1
    assert made["verdict"] == "waiting"
    stuck = report(facts([replace(images[0], is_given_up=True, updated_at=START)]))
    assert stuck["verdict"] == "problems"
    assert "1 image stuck" in said(stuck)


@pytest.mark.parametrize(
    ("name", "first", "last", "is_worse"),
    [
        ("fwhm_px", 2.0, 3.0, True),
        ("fwhm_px", 2.0, 2.2, False),
        ("fwhm_px", 3.0, 2.0, False),
        ("rms_arcsec", 1.0, 2.0, True),
        ("background_adu", 10.0, 30.0, False),
        ("background_adu", 100.0, 300.0, True),
        ("limiting_mag", 12.0, 11.0, True),
        ("limiting_mag", 12.0, 12.4, False),
    ],
)
def test_what_gets_worse_is_said(name: str, first: float, last: float, is_worse: bool) -> None:
    images = [image(n, **{name: first if n < 5 else last}) for n in range(10)]
    made = report(facts(images))
    assert course(made, name)["is_worse"] is is_worse
    assert (TRENDS[name].action in said(made)) is is_worse


def test_what_gets_worse_within_a_sequence_only() -> None:
    # The next field is fine again: through the whole night nothing got worse.
    other = replace(SEQUENCE, sequence_id="PAN001_14d3bd_20181011T140000", field="M31")
    first = [image(n, fwhm_px=2.0 if n < 5 else 3.0) for n in range(10)]
    then = [image(n, fwhm_px=2.0, sequence_id=other.sequence_id) for n in range(10, 30)]
    made = report(facts([*first, *then], sequences=[replace(SEQUENCE, field="M42"), other]))
    assert course(made, "fwhm_px")["is_worse"] is False
    assert "M42, camera 14d3bd: stars became wider (star width from 2.0 to 3.0 px)" in said(made)


def test_few_images_have_no_trend() -> None:
    made = report(facts([image(0, fwhm_px=2.0), image(1, fwhm_px=9.0)]))
    assert course(made, "fwhm_px")["is_worse"] is False


def test_drift_and_offset_of_the_pointing() -> None:
    # On the equator a degree of RA is a degree; at 60 degrees it is half of one.
    drifting = [image(n, ra_deg=10 + 0.1 * n, dec_deg=0.0) for n in range(4)]
    sequence = replace(SEQUENCE, mount_ra_deg=10.0, mount_dec_deg=1.0, field="M42")
    made = report(facts(drifting, sequences=[sequence]))
    [shown] = made["sequences"]
    assert shown["drift_arcmin"] == pytest.approx(18, rel=1e-6)
    assert 60 < (shown["offset_arcmin"] or 0) < 62
    assert "M42, camera 14d3bd: the field drifted by 18 arcmin" in said(made)
    assert statistics.separation_arcmin((0, 60), (1, 60)) == pytest.approx(30, abs=0.01)
    assert statistics.separation_arcmin((359.5, 0), (0.5, 0)) == pytest.approx(60)


@pytest.mark.parametrize(
    ("date_obs", "offset_s"),
    [
        ("2018-10-11T13:00:34", None),
        ("2018-10-11T03:00:00", -36_000),
        ("2018-10-11T14:00:00.5", 3600.5),
        ("2018-10-11T03:00:00-10:00", None),
        ("2018-10-11", None),
        ("0000-00-00T00:00:00", None),
        ("yesterday, Tuesday", None),
        (None, None),
    ],
)
def test_the_cameras_clock(date_obs: str | None, offset_s: float | None) -> None:
    made = report(facts([image(0, date_obs=date_obs)]))
    assert [clock["offset_s"] for clock in made["clocks"]] == ([offset_s] if offset_s else [])
    assert ("clock" in said(made)) is bool(offset_s)


def test_path_against_header() -> None:
    clash = {"FIELD": {"believed": "M42", "header": "M43"}}
    made = report(facts([image(n, contradictions=clash) for n in range(3)]))
    [case] = made["contradictions"]
    assert (case["card"], case["count"], case["believed"]) == ("FIELD", 3, "M42")
    assert "the path says M42, the header M43" in said(made)


def test_what_a_header_has_wrong() -> None:
    finding = {"EXPTIME": {"header": "-1", "problem": "is not seconds from 0 to 86400"}}
    made = report(facts([image(0), *(image(n, header_findings=finding) for n in (1, 2))]))
    [case] = made["header_findings"]
    assert (case["card"], case["count"], case["header"]) == ("EXPTIME", 2, "-1")
    assert "2 images" in said(made)
    assert "EXPTIME says '-1', which is not seconds from 0 to 86400" in said(made)


def test_stars_wider_than_a_stamp_are_told_though_they_were_so_all_night() -> None:
    made = report(facts([image(n, fwhm_px=23.0 if n else 3.0) for n in range(9)]))
    [case] = made["wide_stars"]
    assert (case["count"], case["fwhm_px"]) == (8, 23.0)
    assert "stars of 8 images are wider than the 10-pixel stamps" in said(made)
    assert "median FWHM 23.0 px" in said(made)
    assert report(facts([image(n, fwhm_px=3.0) for n in range(9)]))["wide_stars"] == []


# --- what holds for any night


@given(st.integers(3, 40), st.data())
def test_missing_frames_are_counted(n_frames: int, data: st.DataObject) -> None:
    # One pause, of up to nine frames, in an even cadence with small delays.
    n_missing = data.draw(st.integers(0, 9))
    at = data.draw(st.integers(1, n_frames - 1))
    jitter = data.draw(
        st.lists(st.integers(0, 3), min_size=n_frames, max_size=n_frames), label="jitter"
    )
    times = [
        START + timedelta(seconds=120 * (n + (n_missing if n >= at else 0)) + late)
        for n, late in enumerate(jitter)
    ]
    found = statistics.gaps(times)
    assert sum(gap["n_missing"] for gap in found) == n_missing
    assert [(gap["start"], gap["end"]) for gap in found] == (
        [(times[at - 1], times[at])] if n_missing else []
    )


ANY_FLOAT = st.none() | st.floats()
IMAGES = st.builds(
    image,
    st.integers(0, 500),
    state=st.sampled_from(ImageState),
    reason_code=st.none() | st.sampled_from([*Reason, "other"]),
    exptime_s=st.none() | st.floats(0, 1e300),
    ra_deg=ANY_FLOAT,
    dec_deg=ANY_FLOAT,
    rms_arcsec=ANY_FLOAT,
    fwhm_px=ANY_FLOAT,
    background_adu=ANY_FLOAT,
    limiting_mag=ANY_FLOAT,
    date_obs=st.none() | st.text(max_size=30),
    bucket_path=st.none() | st.text(max_size=10),
    file_kinds=st.frozensets(st.sampled_from(["picture", "cr2"])),
)


def plain(value: object) -> object:
    """Leave out what JSON has no number for, as the service does."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


@given(st.lists(IMAGES, max_size=30, unique_by=lambda one: one.image_id))
def test_any_night_has_a_report(images: list[NightImage]) -> None:
    made = report(facts(images))
    assert made["n_images"] == sum(made["states"].values()) == len(images)
    assert sum(camera["n_images"] for camera in made["cameras"]) == len(images)
    assert sum(sequence["n_images"] for sequence in made["sequences"]) == len(images)
    ended = [one for one in images if one.state in ("skipped", "unsolved", "error")]
    assert sum(group["count"] for group in made["failures"]) == len(ended)
    assert made["solved_share"] is None or 0 <= made["solved_share"] <= 1
    json.dumps(made, default=plain)
    assert all(found["what"] for found in made["findings"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89, "89 s"), (300, "5 min"), (12_000, "3 h 20 min"), (400_000, "5 days")],
)
def test_durations(seconds: float, words: str) -> None:
    assert findings.duration(seconds) == words
