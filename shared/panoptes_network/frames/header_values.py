"""Header values in canonical form: numbers in any notation are parsed, and problems reported.

Units and other programs write one quantity in many ways: ``120.5``, ``'120,5'``, ``'120.5 sec'``,
``'11 °C'``, ``'20 12 50.6'``, under EXPTIME or EXPOSURE. An unambiguous value is used. An ambiguous
one, or one that no camera can have, is reported as a finding.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from panoptes_network import storable
from panoptes_network.frames.fits_header import Cards, CardValue

MAX_VALUE_CHARS = 2000
MAX_FINDINGS = 50
"""Maximum number of findings per header."""

Finding = dict[str, str]
"""The header's value (`header`) and the problem with it (`problem`)."""
Cleaned = tuple[CardValue | None, str]
"""A cleaned value, or None if it is not kept, and the problem; empty if there is none."""

TEXT_CARDS = frozenset(
    {"CAMSN", "CREATOR", "DATE-OBS", "FIELD", "FILENAME", "FILTER", "FRAME"}
    | {"IMAGEID", "IMAGETYP", "INSTRUME", "INTSN", "OBJECT", "OBSERVER", "OBSTYPE", "ORIGIN"}
    | {"SEQID", "TAGS"}
)
"""Cards that are names even if they look like numbers: camera 12e456, serial 012070048413."""

_MAX_INTEGER = 2**63
_MAX_QUOTED_CHARS = 80
_MAX_WRITTEN_BITS = 200
_NUMBER = re.compile(r"[+-]?([0-9]{1,300}\.?[0-9]{0,300}|\.[0-9]{1,300})([eE][+-]?[0-9]{1,3})?")
_WITH_UNIT = re.compile(r"([+-]?[0-9]{1,300}(?:\.[0-9]{0,300})?) ?(°? ?C|mm|s|deg|m)")
_NO_NUMBER = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_WORDS = {"true": True, "false": False}

_DECIMAL = r"[+-]?(?:[0-9]{1,300}(?:[.,][0-9]{0,300})?|[.,][0-9]{1,300})(?:[eE][+-]?[0-9]{1,3})?"
_MEASURED = re.compile(rf"({_DECIMAL})(?:/([0-9]{{1,9}}))? ?([^\W\d_][\w ]{{0,19}}|°[ \w]{{0,9}})?")
_AMBIGUOUS = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")
"""A thousand or a decimal: ``3,400`` may be either."""
_SEXAGESIMAL = re.compile(
    r"([+-]?) ?([0-9]{1,3}) ?([:hd° ]) ?"
    r"([0-9]{1,2}) ?[:m'\N{PRIME} ] ?([0-9]{1,2}(?:[.,][0-9]{0,20})?) ?[s\"\N{DOUBLE PRIME}]?"
    r"(?: ?([NSEW]))?"
)
"""A lowercase ``s`` means seconds, an uppercase one south."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A card with a numeric value, and its valid range.

    Attributes
    ----------
    low, high : float
        Smallest and largest value.
    what : str
        The range in words, with the unit: ``seconds from 0 to 86400``.
    units : dict
        Factor of each unit that may follow the number, in lowercase.
    aliases : tuple of str
        Other names of the card, in order of precedence.
    sexagesimal : int
        Degrees per unit of sexagesimal notation: 15 for hours, 0 if it is not an angle.
    """

    low: float
    high: float
    what: str
    units: Mapping[str, float]
    aliases: tuple[str, ...] = ()
    sexagesimal: int = 0


_SECONDS = {"s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "ms": 0.001, "min": 60}
_DEGREES = {"deg": 1, "degree": 1, "degrees": 1, "°": 1, "d": 1}
_METRES = {"m": 1, "meter": 1, "meters": 1, "metre": 1, "metres": 1, "km": 1000}
_CELSIUS = {"c": 1, "°c": 1, "° c": 1, "deg c": 1, "degc": 1, "celsius": 1, "degrees": 1, "deg": 1}

QUANTITIES = {
    "EXPTIME": Quantity(
        low=0,
        high=86_400,
        what="seconds from 0 to 86400",
        units=_SECONDS,
        aliases=("EXPOSURE", "EXP-TIME", "EXP_TIME", "XPOSURE"),
    ),
    "LAT-OBS": Quantity(
        low=-90,
        high=90,
        what="degrees from -90 to 90",
        units=_DEGREES | {"n": 1, "s": -1},
        sexagesimal=1,
    ),
    "LONG-OBS": Quantity(
        low=-180,
        high=360,
        what="degrees from -180 to 360",
        units=_DEGREES | {"e": 1, "w": -1},
        sexagesimal=1,
    ),
    "ELEV-OBS": Quantity(low=-500, high=9000, what="metres from -500 to 9000", units=_METRES),
    "RA-MNT": Quantity(
        low=0,
        high=360,
        what="degrees from 0 to 360",
        units=_DEGREES,
        aliases=("RA", "OBJCTRA"),
        sexagesimal=15,
    ),
    "DEC-MNT": Quantity(
        low=-90,
        high=90,
        what="degrees from -90 to 90",
        units=_DEGREES,
        aliases=("DEC", "OBJCTDEC"),
        sexagesimal=1,
    ),
    "ISO": Quantity(low=1, high=10_000_000, what="a number from 1 to 10 million", units={}),
    "CAMTEMP": Quantity(
        low=-100, high=100, what="degrees Celsius from -100 to 100", units=_CELSIUS
    ),
}
"""The cards that the network uses as numbers."""

_QUANTITY_OF = {
    name: quantity for card, quantity in QUANTITIES.items() for name in (card, *quantity.aliases)
}


@dataclass(frozen=True, slots=True)
class Headers:
    """The values of a header, and the findings about it, both by keyword."""

    values: dict[str, CardValue]
    findings: dict[str, Finding]


def clean_headers(headers: Mapping[str, object]) -> dict[str, CardValue]:
    """Return header values in a form for JSON and SQL: `read_headers`."""
    return read_headers(headers).values


def read_headers(headers: Mapping[str, object]) -> Headers:
    """Clean a header's values, and report the problems in them.

    Numbers and booleans in strings are parsed: ``'11 °C'`` becomes 11.0. A missing card of
    :data:`QUANTITIES` is filled from its other names. Empty strings are dropped. Numbers outside
    their card's range, NaN, infinities, integers beyond 64 bits and nested values are dropped and
    reported as findings. Cards that are names (:data:`TEXT_CARDS`) stay text.
    """
    named = {storable.clean(key).upper(): value for key, value in headers.items()}
    values: dict[str, CardValue] = {}
    findings: dict[str, Finding] = {}
    for card, value in named.items():
        if not card or value is None or (isinstance(value, str) and not storable.clean(value)):
            continue
        cleaned, problem = _clean(card, value)
        if cleaned is not None:
            values[card] = cleaned
        if problem and len(findings) < MAX_FINDINGS:
            findings[card] = {"header": _quoted(value), "problem": problem}
    return Headers({**values, **_from_other_names(values)}, findings)


def _from_other_names(values: Cards) -> dict[str, CardValue]:
    """Return the quantities that a header has only under another name."""
    filled: dict[str, CardValue] = {}
    for card, quantity in QUANTITIES.items():
        names = [card, *quantity.aliases]
        numbers = [values[name] for name in names if _is_number(values.get(name))]
        if numbers and not _is_number(values.get(card)):
            filled[card] = numbers[0]
    return filled


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clean(card: str, value: object) -> Cleaned:
    if isinstance(value, str):
        return _clean_text(card, storable.clean(value))
    if card in _QUANTITY_OF:
        return _measure(_QUANTITY_OF[card], value)
    return _usable(value)


def _clean_text(card: str, text: str) -> Cleaned:
    kept = text[:MAX_VALUE_CHARS].strip()
    if card in _QUANTITY_OF:
        return _measure(_QUANTITY_OF[card], kept)
    if _NO_NUMBER.fullmatch(kept) and card not in TEXT_CARDS:
        return None, "is not a number"
    problem = f"was cut after {MAX_VALUE_CHARS} characters" if len(text) > MAX_VALUE_CHARS else ""
    return (kept if card in TEXT_CARDS else _from_text(kept)), problem


def _usable(value: object) -> Cleaned:
    if isinstance(value, bool):
        return value, ""
    if isinstance(value, float):
        return (value, "") if math.isfinite(value) else (None, "is not a number")
    if isinstance(value, int):
        return (value, "") if abs(value) < _MAX_INTEGER else (None, "has more than 64 bits")
    return None, "is not a single value"


def _from_text(value: str) -> CardValue:
    """Return a text as a number or boolean if it is one."""
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if match := _WITH_UNIT.fullmatch(value):
        return float(match[1])
    if not _NUMBER.fullmatch(value):
        return value
    number: int | float = int(value) if value.lstrip("+-").isdigit() else float(value)
    return number if _usable(number)[0] is not None else value


def _measure(quantity: Quantity, value: object) -> Cleaned:
    """Return a value's number; other text is kept, an impossible number is not."""
    number = _number_in(quantity, value) if isinstance(value, str) else value
    if not _is_number(number):
        is_text = isinstance(value, str) and not _NO_NUMBER.fullmatch(value)
        return (str(value) if is_text else None), f"is not {quantity.what}"
    if not quantity.low <= number <= quantity.high:
        return None, f"is not {quantity.what}"
    return (number - 360 if quantity.low == -180 and number > 180 else number), ""


def _number_in(quantity: Quantity, value: str) -> int | float | None:
    """Return a text's number in the quantity's own unit; None if it is ambiguous."""
    written = " ".join(value.replace("\N{MINUS SIGN}", "-").split())
    if quantity.sexagesimal and (match := _SEXAGESIMAL.fullmatch(written)):
        return _degrees(match, quantity.sexagesimal)
    match = _MEASURED.fullmatch(written)
    if match is None:
        return None
    number, divisor, unit = match[1].replace(",", "."), match[2], (match[3] or "").lower()
    factor = quantity.units.get(unit) if unit else 1
    if factor is None or (divisor and not int(divisor)) or _AMBIGUOUS.fullmatch(match[1]):
        return None
    if number.lstrip("+-").isdigit() and factor == 1 and not divisor:
        return int(number) if len(number) < 20 else None
    return float(number) * factor / int(divisor or 1)


def _degrees(match: re.Match[str], whole_deg: int) -> float | None:
    """Return the angle of a sexagesimal notation; None if its minutes or seconds are invalid."""
    sign, whole, mark, minutes, seconds, side = match.groups()
    second = float(seconds.replace(",", "."))
    if int(minutes) >= 60 or second >= 60:
        return None
    angle = int(whole) + int(minutes) / 60 + second / 3600
    if mark not in "d°":
        angle *= whole_deg
    return -angle if (sign == "-") != (side in ("S", "W")) else angle


def _quoted(value: object) -> str:
    """Return a value as it was written, truncated to one line."""
    if isinstance(value, int) and value.bit_length() > _MAX_WRITTEN_BITS:
        return f"a whole number of {value.bit_length()} bits"
    return storable.clean(value if isinstance(value, str) else repr(value))[:_MAX_QUOTED_CHARS]
