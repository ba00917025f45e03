"""Selection of stars for transits, eclipses and pulsations."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from simulator import sky
from simulator.barycentre import bjd_tdb
from simulator.mount import frame_wcs, julian_year
from simulator.observation import Observation
from simulator.optics import sky_to_pixel
from simulator.scene import stars_near
from simulator.variables import ONCE_D, Kind, Variable

EDGE_PX = 40
"""Minimum distance of a chosen star from the frame's edge all night."""
ALONE_PX = 8.0
ALONE_MAG = 2.5
"""Neighbours of a chosen star within that distance must be fainter by at least this much."""
MAX_OTHER_DEPTH = 0.3
"""Maximum depth of eclipses and amplitude of a sine."""
MIDDLE = (0.35, 0.65)
"""Part of the observation in which the middle of an event falls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Requested numbers and properties of variable stars.

    Attributes
    ----------
    transits, eclipsing, pulsating : int
        Numbers of stars.
    depth, duration_h, period_d : float
        Of the transits; eclipses are as long and ten times as deep, at most
        :data:`MAX_OTHER_DEPTH`. With the period :data:`ONCE_D` each event happens once.
    mag_range : tuple of float
        Gaia G of the stars, from and to.
    """

    transits: int = 0
    eclipsing: int = 0
    pulsating: int = 0
    depth: float = 0.01
    duration_h: float = 2.5
    period_d: float = ONCE_D
    mag_range: tuple[float, float] = (9.0, 10.5)


def choose_variables(observation: Observation, wish: Wish) -> tuple[Variable, ...]:
    """Choose stars that change during an observation, the same for the same seed.

    They are alone and on every frame. Each event has its middle at a random time of the
    observation's middle third.

    Raises
    ------
    ValueError
        When the field has fewer such stars.
    """
    stars = _lonely_stars(observation, wish)
    wanted = wish.transits + wish.eclipsing + wish.pulsating
    if wanted > stars.size:
        raise ValueError(
            f"{wanted} stars are to change, but {stars.size} stars of this field are on every"
            f" frame, alone and between G {wish.mag_range[0]} and {wish.mag_range[1]}"
        )
    rng = observation.rng("variables")
    chosen = stars[rng.permutation(stars.size)[:wanted]]
    return tuple(_variables(observation, wish, chosen, rng))


def _variables(
    observation: Observation, wish: Wish, stars: sky.Stars, rng: np.random.Generator
) -> Iterator[Variable]:
    first, last = Time(observation.image_time(0)), Time(observation.image_time(observation.count))
    kinds = [Kind.TRANSIT] * wish.transits + [Kind.ECLIPSING] * wish.eclipsing
    kinds += [Kind.SINE] * wish.pulsating
    for star, kind in zip(stars, kinds, strict=True):
        middle = first + (last - first) * rng.uniform(*MIDDLE)
        epoch = bjd_tdb(observation, middle, float(star["ra_deg"]), float(star["dec_deg"]))
        sine_d = rng.uniform(0.05, 0.4)
        yield Variable(
            star_id=int(star["id"]),
            kind=kind,
            depth=wish.depth if kind is Kind.TRANSIT else min(10 * wish.depth, MAX_OTHER_DEPTH),
            epoch_bjd=float(epoch.jd),
            period_d=float(sine_d) if kind is Kind.SINE else wish.period_d,
            duration_h=min(wish.duration_h, 11 * sine_d) if kind is Kind.SINE else wish.duration_h,
        )


def _lonely_stars(observation: Observation, wish: Wish) -> sky.Stars:
    stars = stars_near(observation)
    bright = stars[stars["gaia_mag"] < wish.mag_range[1] + ALONE_MAG]
    fits = (bright["gaia_mag"] >= wish.mag_range[0]) & (bright["gaia_mag"] < wish.mag_range[1])
    is_on = np.ones(bright.size, bool)
    for index in (0, max(observation.count - 1, 0)):
        x, y = _places(observation, index, bright)
        is_on &= (x > EDGE_PX) & (x < observation.width - EDGE_PX)
        is_on &= (y > EDGE_PX) & (y < observation.height - EDGE_PX)
    mag, candidates = bright["gaia_mag"], np.flatnonzero(fits & is_on).tolist()
    return bright[[number for number in candidates if _is_alone(number, x, y, mag)]]


def _places(
    observation: Observation, index: int, stars: sky.Stars
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    year = julian_year(observation.image_time(index))
    return sky_to_pixel(frame_wcs(observation, index), *sky.at_epoch(stars, year))


def _is_alone(
    number: int, x: NDArray[np.float64], y: NDArray[np.float64], mag: NDArray[np.float32]
) -> bool:
    near = np.hypot(x - x[number], y - y[number]) < ALONE_PX
    near[number] = False
    return not bool(np.any(mag[near] < mag[number] + ALONE_MAG))
