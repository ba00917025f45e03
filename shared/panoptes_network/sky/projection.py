"""The solved projection between positions on the sky and pixels of a frame and its picture.

FITS WCS papers I and II (Greisen & Calabretta 2002, A&A 395, 1061; Calabretta & Greisen 2002,
A&A 395, 1077) with the SIP distortion of Shupe et al. 2005, ASP Conf. Ser. 347, 491. Pixels are
0-based mosaic pixels, positions ICRS degrees.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Cards = Mapping[str, object]

INVERSE_STEPS = 30
INVERSE_PRECISION_PX = 1e-6
MIN_COSINE = 0.05
"""Cosine of the distance from the tangent point: 87 degrees, wider than any lens sees."""
REACH = 1.5
"""In half diagonals from the centre: farther out, a frame's distortion polynomial is meaningless.
"""
HIGHEST_ORDER = 9
"""Maximum order of a SIP polynomial, by definition."""


class Pixel(NamedTuple):
    """A position in a frame, 0-based mosaic pixels."""

    x: float
    y: float


class Sky(NamedTuple):
    """A direction, ICRS degrees; right ascension from 0 up to 360."""

    ra_deg: float
    dec_deg: float


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a polynomial: `factor` times u to the `p` times v to the `q`."""

    p: int
    q: int
    factor: float


@dataclass(frozen=True, slots=True)
class Projection:
    """The gnomonic projection of a frame, with its distortion.

    Attributes
    ----------
    width, height : int
        Size of the frame, mosaic pixels.
    centre : Sky
        The tangent point; not a pole itself, where FITS turns right ascensions by 180 degrees.
    reference : Pixel
        Pixel of the tangent point.
    cd : tuple of float
        CD1_1, CD1_2, CD2_1, CD2_2: degrees per pixel.
    a, b : tuple of Term
        Distortion added to u and v, pixels from the reference; may be empty.
    """

    width: int
    height: int
    centre: Sky
    reference: Pixel
    cd: tuple[float, float, float, float]
    a: tuple[Term, ...]
    b: tuple[Term, ...]

    @classmethod
    def of_cards(cls, cards: Cards) -> "Projection":
        """Read the FITS cards of a solved frame.

        Raises
        ------
        ValueError
            If they do not describe such a projection.
        """
        names = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
        cd1_1, cd1_2, cd2_1, cd2_2 = (_number(cards, name) for name in names)
        if cd1_1 * cd2_2 == cd1_2 * cd2_1:
            raise ValueError("the CD matrix has no inverse")
        return cls(
            width=int(_number(cards, "NAXIS1")),
            height=int(_number(cards, "NAXIS2")),
            centre=Sky(_number(cards, "CRVAL1"), _number(cards, "CRVAL2")),
            reference=Pixel(_number(cards, "CRPIX1") - 1, _number(cards, "CRPIX2") - 1),
            cd=(cd1_1, cd1_2, cd2_1, cd2_2),
            a=_terms(cards, "A"),
            b=_terms(cards, "B"),
        )

    def sky(self, pixel: Pixel) -> Sky:
        """Return the direction of a pixel."""
        u, v = pixel.x - self.reference.x, pixel.y - self.reference.y
        u, v = u + _sum(self.a, u, v), v + _sum(self.b, u, v)
        x, y = (
            math.radians(self.cd[0] * u + self.cd[1] * v),
            math.radians(self.cd[2] * u + self.cd[3] * v),
        )
        dec0 = math.radians(self.centre.dec_deg)
        north = math.cos(dec0) - y * math.sin(dec0)
        ra_deg = self.centre.ra_deg + math.degrees(math.atan2(x, north))
        sine = math.sin(dec0) + y * math.cos(dec0)
        return Sky(ra_deg % 360, math.degrees(math.atan2(sine, math.hypot(x, north))))

    def pixel(self, sky: Sky) -> Pixel | None:
        """Return the pixel of a direction; None if it is far outside the frame."""
        plane = self._plane(sky)
        if plane is None:
            return None
        determinant = self.cd[0] * self.cd[3] - self.cd[1] * self.cd[2]
        u0 = (self.cd[3] * plane[0] - self.cd[1] * plane[1]) / determinant
        v0 = (self.cd[0] * plane[1] - self.cd[2] * plane[0]) / determinant
        if math.hypot(u0, v0) > REACH * math.hypot(self.width, self.height):
            return None
        return self._undistorted(u0, v0)

    def has(self, pixel: Pixel) -> bool:
        """Return whether a position is within the frame."""
        return -0.5 <= pixel.x <= self.width - 0.5 and -0.5 <= pixel.y <= self.height - 0.5

    def _plane(self, sky: Sky) -> tuple[float, float] | None:
        """Return the position on the tangent plane, degrees; None for the opposite hemisphere."""
        dec, dec0 = math.radians(sky.dec_deg), math.radians(self.centre.dec_deg)
        turn = math.radians(sky.ra_deg - self.centre.ra_deg)
        cosine = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(turn)
        if cosine < MIN_COSINE:
            return None
        x = math.cos(dec) * math.sin(turn) / cosine
        y = math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(turn)
        return math.degrees(x), math.degrees(y / cosine)

    def _undistorted(self, u0: float, v0: float) -> Pixel | None:
        """Solve u + A(u, v) = u0, v + B(u, v) = v0 by iteration; None if it does not converge.

        The stored inverse polynomials are less exact, and other programs omit them.
        """
        u, v = u0, v0
        limit = REACH * math.hypot(self.width, self.height)
        for _ in range(INVERSE_STEPS):
            next_u, next_v = u0 - _sum(self.a, u, v), v0 - _sum(self.b, u, v)
            moved = math.hypot(next_u - u, next_v - v)
            u, v = next_u, next_v
            if not math.hypot(u, v) <= limit:
                return None
            if moved < INVERSE_PRECISION_PX:
                return Pixel(u + self.reference.x, v + self.reference.y)
        return None


def _number(cards: Cards, name: str) -> float:
    value = cards.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is not a number: {value!r}")
    return float(value)


def _terms(cards: Cards, polynomial: str) -> tuple[Term, ...]:
    """Return the terms of the polynomial A or B in the cards."""
    powers = [(p, q) for p in range(HIGHEST_ORDER + 1) for q in range(HIGHEST_ORDER + 1 - p)]
    named = [(p, q, f"{polynomial}_{p}_{q}") for p, q in powers]
    return tuple(Term(p, q, _number(cards, name)) for p, q, name in named if name in cards)


def _sum(terms: tuple[Term, ...], u: float, v: float) -> float:
    return sum(term.factor * u**term.p * v**term.q for term in terms)
