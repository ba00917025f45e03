"""A night is from noon to noon, and named by its evening."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.nights.night import EARLIEST, LATEST, Night

EARLY, LATE = datetime(1900, 1, 3), datetime(8999, 1, 1)  # noqa: DTZ001 - as hypothesis takes them
MOMENTS = st.datetimes(EARLY, LATE, timezones=st.just(UTC))
LONGITUDES = st.none() | st.floats(-180, 180)


@given(MOMENTS, LONGITUDES)
def test_each_moment_lies_in_the_night_that_holds_it(
    moment: datetime, longitude_deg: float | None
) -> None:
    night = Night.holding(moment, longitude_deg)
    assert moment in night
    assert Night.of(night.date, longitude_deg) == night


@given(st.dates(EARLIEST, LATEST - timedelta(days=1)), LONGITUDES)
def test_nights_follow_each_other_without_a_gap(day: date, longitude_deg: float | None) -> None:
    night, following = (Night.of(day + timedelta(days=n), longitude_deg) for n in (0, 1))
    assert night.end == following.start


@pytest.mark.parametrize(
    ("longitude_deg", "start", "bounds"),
    [
        (None, "2018-10-11T12:00:00Z", "utc_noon"),
        (0.0, "2018-10-11T12:00:00Z", "local_noon"),
        # Mauna Loa, 155.5763 degrees west: 10 h 22 min 18.3 s behind.
        (-155.5763, "2018-10-11T22:22:18Z", "local_noon"),
        (204.4237, "2018-10-11T22:22:18Z", "local_noon"),
        (149.0, "2018-10-11T02:04:00Z", "local_noon"),
        (float("nan"), "2018-10-11T12:00:00Z", "utc_noon"),
        (1e300, "2018-10-11T12:00:00Z", "utc_noon"),
    ],
)
def test_bounds(longitude_deg: float | None, start: str, bounds: str) -> None:
    night = Night.of(date(2018, 10, 11), longitude_deg)
    assert (night.start, night.bounds) == (datetime.fromisoformat(start), bounds)
    assert night.end - night.start == timedelta(days=1)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_a_date_that_no_telescope_saw(day: date) -> None:
    with pytest.raises(ValueError, match="not the date of a night"):
        Night.of(day, None)
