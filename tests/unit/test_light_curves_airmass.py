"""The airmass of a direction, against astropy's own altitude."""

from datetime import UTC, datetime

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time

from light_curves.airmass import airmass
from panoptes_network.database.light_curve_sets import Site

MAUNA_LOA = Site(19.54, -155.58, 3400)


@pytest.mark.parametrize("hour", [6, 8, 10, 12, 13])
def test_airmass(hour: int) -> None:
    time = datetime(2018, 8, 12, hour, tzinfo=UTC)
    where = EarthLocation.from_geodetic(-155.58 * u.deg, 19.54 * u.deg, 3400 * u.m)
    star = SkyCoord(301.564 * u.deg, 44.457 * u.deg)
    altitude = star.transform_to(AltAz(obstime=Time(time), location=where)).alt
    expected = 1 / np.sin(altitude.rad)
    assert airmass(301.564, 44.457, time, MAUNA_LOA) == pytest.approx(expected, rel=0.02)


def test_nothing_is_seen_below_the_horizon() -> None:
    time = datetime(2018, 8, 12, 20, tzinfo=UTC)
    assert np.isnan(airmass(301.564, 44.457, time, MAUNA_LOA))
