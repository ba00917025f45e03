"""Deep-sky objects of OpenNGC: Messier, NGC, IC, and common names."""

import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple, Protocol

from panoptes_network.names.spelling import fold

_DESIGNATION = re.compile(r"(m|ngc|ic|caldwell|c|melotte|mel)([1-9][0-9]{0,3})([a-h]?)")
_CATALOG = {"m": "M", "ngc": "NGC", "ic": "IC", "melotte": "Mel", "mel": "Mel"}
_FORM = re.compile(r"([A-Za-z]+)0*([0-9]+)(.*)")
_Names = list[str] | None


class DeepSkyObject(NamedTuple):
    """An object with its names, the best one first; half its greatest extent, degrees."""

    names: tuple[str, ...]
    ra_deg: float
    dec_deg: float
    radius_deg: float | None


class _Entry(Protocol):
    """The data that are read from a ``pyongc.ongc.Dso``."""

    name: str
    rad_coords: Iterable[float] | None
    dimensions: tuple[float | None, float | None, int | None]
    identifiers: tuple[str | None, _Names, _Names, _Names, _Names]


def find(key: str) -> DeepSkyObject | None:
    """Return the object of a folded name: a designation, or a common name."""
    from pyongc import ongc  # noqa: PLC0415 - few requests need it, and it opens a file

    match = _DESIGNATION.fullmatch(key)
    catalog = match and _CATALOG.get(match[1])
    if match and catalog:
        found = ongc.get(f"{catalog}{match[2]}{match[3].upper()}")
        return None if found is None else _object_of(found)
    return _by_common_name().get(key)


@cache
def objects() -> tuple[DeepSkyObject, ...]:
    """Return the objects with a common name."""
    from pyongc import ongc  # noqa: PLC0415

    named = (_object_of(found) for found in ongc.listObjects(withname=True))
    return tuple(found for found in named if found is not None)


@cache
def _by_common_name() -> dict[str, DeepSkyObject]:
    return {fold(name): found for found in objects() for name in found.names}


def _object_of(found: _Entry) -> DeepSkyObject | None:
    radians = found.rad_coords
    if radians is None:
        return None
    ra_deg, dec_deg = map(math.degrees, radians)
    widest = max((size for size in found.dimensions[:2] if size), default=None)
    radius_deg = None if widest is None else widest / 2 / 60
    return DeepSkyObject(tuple(dict.fromkeys(_names_of(found))), ra_deg, dec_deg, radius_deg)


def _names_of(found: _Entry) -> Iterator[str]:
    messier, ngc, ic, common, _ = found.identifiers
    yield from common or ()
    for designation in (messier, found.name, *(ngc or ()), *(ic or ())):
        match = designation and _FORM.fullmatch(designation)
        if match:
            space = "" if match[1] == "M" else " "
            yield f"{match[1]}{space}{match[2]}{match[3]}"
