"""A star's light curve from its sequence's file, for the large chart."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

from werkzeug.exceptions import BadRequest

from panoptes_network.light_curves.schema import BAD, COLOURS, QUALITY_MEANINGS, Quality
from panoptes_network.responses.light_curves import DetrendedFrame
from panoptes_network.responses.values import number


class Method(StrEnum):
    """Methods of photometry."""

    DETRENDED = "detrended"
    RAW = "raw"
    APERTURE = "aperture"


ALL = "all"
"""All colours together."""


@dataclass(frozen=True, slots=True)
class View:
    """The displayed light curve: method and colour."""

    method: Method = Method.DETRENDED
    colour: str = ALL

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "View":
        """Read ``method`` and ``colour``; ``light`` alone selects apertures, which have it.

        Raises
        ------
        werkzeug.exceptions.BadRequest
            Names the parameter.
        """
        usual = Method.APERTURE if parameters.get("light") else Method.DETRENDED
        method = parameters.get("method") or usual
        colour = parameters.get("colour") or ALL
        if method not in set(Method):
            raise BadRequest(f"method must be one of {', '.join(Method)}")
        if colour not in {ALL, *COLOURS}:
            raise BadRequest(f"colour must be one of {', '.join((ALL, *COLOURS))}")
        return cls(Method(method), colour)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The flux of a star in one frame: time, value, and flags."""

    time_s: float
    bjd_tdb: float
    flux: float
    error: float | None
    quality: Quality
    image_id: str

    @property
    def is_good(self) -> bool:
        """Whether statistics and searches use it."""
        return not self.quality & BAD

    @property
    def camera(self) -> str:
        """The unit and the camera that took its frame."""
        return self.image_id.rpartition("_")[0].replace("_", " ")


def measurements(items: list[DetrendedFrame], view: View) -> list[Measurement]:
    """Return the measurements of a view, in order of time, skipping frames without any."""
    found = []
    for item in items:
        flux, error = _light(item, view)
        if flux is not None and item["bjd_tdb"] is not None:
            time_s = datetime.fromisoformat(item["time"]).timestamp()
            quality = Quality(item["quality"])
            found.append(
                Measurement(time_s, item["bjd_tdb"], flux, error, quality, item["image_id"])
            )
    return sorted(found, key=lambda one: one.time_s)


def _light(item: DetrendedFrame, view: View) -> tuple[float | None, float | None]:
    """Return the flux and its error; for raw fluxes of all colours, the sum."""
    prefix = "raw_" if view.method is Method.RAW else ""
    if view.colour != ALL:
        names = (f"{prefix}flux_{view.colour}", f"{prefix}flux_err_{view.colour}")
        return number(item, names[0]), number(item, names[1])
    if view.method is not Method.RAW:
        return item["flux"], item["flux_err"]
    fluxes = _of_all(item, "raw_flux")
    errors = _of_all(item, "raw_flux_err")
    return (
        None if fluxes is None else math.fsum(fluxes),
        None if errors is None else math.hypot(*errors),
    )


def _of_all(item: DetrendedFrame, name: str) -> list[float] | None:
    """Return a measurement in all colours; None if one is missing."""
    found = [number(item, f"{name}_{colour}") for colour in COLOURS]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else None


@dataclass(frozen=True, slots=True)
class Mean:
    """The weighted mean of neighbouring measurements, and its error."""

    at: float
    value: float
    error: float
    number: int


def means(places: list[float], measured: list[Measurement], width: float) -> list[Mean]:
    """Return the means of good measurements in bins of a width; none for a single one.

    Parameters
    ----------
    places : list of float
        Position of each measurement on the axis, in the unit of `width`.
    """
    bins: dict[int, list[tuple[float, Measurement]]] = {}
    for at, one in zip(places, measured, strict=True):
        if one.is_good and one.error:
            bins.setdefault(math.floor(at / width), []).append((at, one))
    return [_mean(some) for _, some in sorted(bins.items()) if len(some) > 1]


def _mean(some: list[tuple[float, Measurement]]) -> Mean:
    weights = [(one.error or math.inf) ** -2 for _, one in some]
    whole = math.fsum(weights)
    return Mean(
        at=math.fsum(w * at for w, (at, _) in zip(weights, some, strict=True)) / whole,
        value=math.fsum(w * one.flux for w, (_, one) in zip(weights, some, strict=True)) / whole,
        error=whole**-0.5,
        number=len(some),
    )


def cadence_s(measured: list[Measurement]) -> float:
    """Return the median time between measurements, seconds; 0 for fewer than two."""
    times = [one.time_s for one in measured]
    return median(map(float.__sub__, times[1:], times)) if len(times) > 1 else 0.0


def quality_words(quality: Quality) -> list[str]:
    """Return the meaning of each bit of a quality."""
    return [words for bit, words in QUALITY_MEANINGS.items() if quality & bit]
