"""Times at the barycentre are those of astropy and of the simulator, and need no network."""

import socket
from datetime import UTC, datetime

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time

from light_curves.times import bjd_tdb
from simulator import Observation
from simulator.barycentre import bjd_tdb as simulated_bjd_tdb

SITE = EarthLocation.from_geodetic(-155.58, 19.54, 3400)
TIMES = np.array(["2018-08-12T08:30:00", "2019-02-01T23:59:59.5"], "datetime64[us]")
RA_DEG, DEC_DEG = np.array([301.6, 45.0, 0.0]), np.array([44.5, -60.0, 90.0])
STEP_S = 4e-5
"""Of a float64 of 2.4 million days."""


def test_times_are_those_of_astropy() -> None:
    at_site = Time(TIMES, scale="utc", location=SITE)
    ours = bjd_tdb(TIMES, RA_DEG, DEC_DEG, SITE)
    assert ours.shape == (2, 3)
    for star, (ra, dec) in enumerate(zip(RA_DEG, DEC_DEG, strict=True)):
        theirs = at_site.tdb + at_site.light_travel_time(SkyCoord(ra, dec, unit=u.deg))
        assert np.abs(ours[:, star] - theirs.jd).max() * 86400 < 2 * STEP_S


def test_times_are_those_of_the_simulator() -> None:
    observation = Observation()
    site = EarthLocation.from_geodetic(
        observation.longitude_deg, observation.latitude_deg, observation.elevation_m
    )
    moment = datetime(2018, 8, 12, 9, tzinfo=UTC)
    theirs = simulated_bjd_tdb(observation, Time(moment), 301.6, 44.5).jd
    ours = bjd_tdb(
        np.array([moment.replace(tzinfo=None)], "datetime64[us]"),
        np.array([301.6]),
        np.array([44.5]),
        site,
    )
    assert abs(ours[0, 0] - theirs) * 86400 < 2 * STEP_S


def test_without_a_site_times_are_off_by_the_earths_radius_at_most() -> None:
    off_s = 86400 * (bjd_tdb(TIMES, RA_DEG, DEC_DEG) - bjd_tdb(TIMES, RA_DEG, DEC_DEG, SITE))
    assert 1e-3 < np.abs(off_s).max() < 0.0213 + STEP_S


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    later = np.array(["2026-11-30T12:00:00"], "datetime64[us]")
    assert bjd_tdb(later, RA_DEG, DEC_DEG, SITE).shape == (1, 3)
