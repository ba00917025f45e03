"""The cards that a unit writes into a frame, with its three clocks that disagree."""

from datetime import datetime, timedelta

import numpy as np
from astropy.coordinates import SkyCoord, get_body, get_sun
from astropy.io import fits
from astropy.time import Time

from panoptes_network.ids import format_time
from simulator.horizon import sidereal_deg, sine_of_altitude
from simulator.observation import Observation

_CAMERA_CLOCK_AHEAD = timedelta(seconds=34)
_FILE_WRITTEN_AFTER = timedelta(seconds=48)
"""Both as in the real frame: IMAGEID 08:11:52, DATE-OBS 08:12:26, FILENAME 08:13:14."""


def build_header(observation: Observation, index: int, exptime_s: float) -> fits.Header:
    """Return the cards of frame `index`, the image's own (BITPIX, NAXIS…) left out.

    Parameters
    ----------
    observation : Observation
        The sequence.
    index : int
        Number of the frame in it.
    exptime_s : float
        The exposure as the camera measured it.
    """
    header = fits.Header()
    header.extend(_camera_cards(observation, index, exptime_s))
    header.extend(_unit_cards(observation, index))
    return header


def _camera_cards(
    observation: Observation, index: int, exptime_s: float
) -> list[tuple[str, object, str]]:
    camera_clock = observation.image_time(index) + _CAMERA_CLOCK_AHEAD
    file_name = format_time(camera_clock + _FILE_WRITTEN_AFTER) + ".cr2"
    serial = int(observation.camera_id, 16)
    rng = observation.rng("camera", observation.image_id(index))
    warming = 6 * (1 - np.exp(-index / 10))
    temperature_c = round(11 + warming + rng.normal(0, 0.7))
    exposure_value = round(-3.62 + rng.normal(0, 0.06), 3)
    from_cr2 = "From CR2"
    return [
        ("ISO", 100, ""),
        ("EXPTIME", exptime_s, "Seconds"),
        ("CAMTEMP", f"{temperature_c} C", "Celsius - From CR2"),
        ("CIRCCONF", "0.019 mm", from_cr2),
        ("COLORTMP", 5386 + int(rng.integers(-40, 41)), from_cr2),
        ("DATE-OBS", camera_clock.strftime("%Y-%m-%dT%H:%M:%S"), ""),
        ("FILENAME", file_name, from_cr2),
        ("INTSN", f"HA{serial % 10**7:07d}", from_cr2),
        ("CAMSN", f"{serial:012d}", from_cr2),
        ("MEASEV", round(exposure_value, 2), from_cr2),
        ("MEASEV2", exposure_value, from_cr2),
        ("MEASRGGB", "471 1024 1024 733", from_cr2),
        ("WHTLVLN", 11765, from_cr2),
        ("WHTLVLS", 12277, from_cr2),
        ("REDBAL", 2.015625, from_cr2),
        ("BLUEBAL", 1.490234, from_cr2),
        ("WBRGGB", "", from_cr2),
    ]


def _unit_cards(observation: Observation, index: int) -> list[tuple[str, object, str]]:
    time = observation.image_time(index)
    hour_angle_h, airmass = hour_angle_and_airmass(observation, time)
    moon_separation_deg, moon_fraction = _moon(observation, time)
    return [
        ("IMAGEID", observation.image_id(index), ""),
        ("SEQID", observation.image_id(0), ""),
        ("FIELD", observation.field.encode("ascii", "replace").decode(), ""),
        ("RA-MNT", observation.ra_deg, "Degrees"),
        ("HA-MNT", hour_angle_h, "Degrees"),
        ("DEC-MNT", observation.dec_deg, "Degrees"),
        ("EQUINOX", 2000.0, ""),
        ("AIRMASS", airmass, "Sec(z)"),
        ("FILTER", "RGGB", ""),
        ("LAT-OBS", observation.latitude_deg, "Degrees"),
        ("LONG-OBS", observation.longitude_deg, "Degrees"),
        ("ELEV-OBS", observation.elevation_m, "Meters"),
        ("MOONSEP", moon_separation_deg, "Degrees"),
        ("MOONFRAC", moon_fraction, ""),
        ("CREATOR", "POCSv0.6.0", "POCS Software version"),
        ("INSTRUME", observation.camera_id, "Camera ID"),
        ("OBSERVER", observation.unit_id, "PANOPTES Unit ID"),
        ("ORIGIN", "Project PANOPTES", ""),
    ]


def hour_angle_and_airmass(observation: Observation, time: datetime) -> tuple[float, float]:
    """Return the target's hour angle, hours from 0 to 24, and its sec(z).

    Below the horizon sec(z) is negative, as units write it.
    """
    hour_angle_deg = (sidereal_deg(observation, time) - observation.ra_deg) % 360
    target = np.array(observation.ra_deg), np.array(observation.dec_deg)
    return hour_angle_deg / 15, float(1 / sine_of_altitude(observation, time, *target))


def _moon(observation: Observation, time: datetime) -> tuple[float, float]:
    """Return the Moon's distance from the target, degrees, and its lit fraction, geocentric."""
    moment = Time(time)
    moon, sun = get_body("moon", moment), get_sun(moment)
    target = SkyCoord(observation.ra_deg, observation.dec_deg, unit="deg").transform_to(moon.frame)
    elongation = moon.separation(sun, origin_mismatch="ignore")
    return float(target.separation(moon).deg), float((1 - np.cos(elongation.rad)) / 2)
