"""Parameters of light-curve searches, and the method of the photometry."""

import re
from dataclasses import dataclass
from enum import StrEnum

from observations_data.http import query_parameters as query
from observations_data.http.query_parameters import BadParameterError, Parameters
from observations_data.pagination import Order
from observations_data.position import Cone
from observations_data.stars.parameters import cone

MAX_CURVES, DEFAULT_CURVES = 20_000, 1000
MAX_VARIABILITY = 1e6
OBSERVER = "[A-Za-z0-9]{1,5}"
"""An AAVSO observer code."""


class Method(StrEnum):
    """Methods of photometry."""

    RAW = "raw"
    DETRENDED = "detrended"


class Sort(StrEnum):
    """Sort keys for the stars of a sequence."""

    MAG = "mag"
    SCATTER = "scatter"
    EXCESS = "excess"
    CHI2 = "chi2"
    VARIABILITY = "variability"


USUALLY_FALLING = frozenset({Sort.EXCESS, Sort.CHI2, Sort.VARIABILITY})


@dataclass(frozen=True, slots=True)
class CurveSearch:
    """A search of a sequence's stars: filters, order and limit."""

    order: Order
    min_mag: float | None = None
    max_mag: float | None = None
    min_variability: float | None = None
    cone: Cone | None = None
    limit: int = DEFAULT_CURVES

    @classmethod
    def parse(cls, parameters: Parameters) -> "CurveSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first invalid one.
        """
        return cls(
            order=Order.parse(parameters, Sort, USUALLY_FALLING, (int, str)),
            min_mag=query.real_number(parameters, "min_mag", *query.MAG_LIMITS),
            max_mag=query.real_number(parameters, "max_mag", *query.MAG_LIMITS),
            min_variability=query.real_number(parameters, "min_variability", 0, MAX_VARIABILITY),
            cone=cone(parameters),
            limit=query.limit(parameters, DEFAULT_CURVES, MAX_CURVES),
        )


def observer(parameters: Parameters) -> str:
    """Return ``obscode``, the observer code of a report; empty by default.

    Raises
    ------
    BadParameterError
        If it is not such a code.
    """
    code = query.text(parameters, "obscode") or ""
    if code and not re.fullmatch(OBSERVER, code, re.ASCII):
        raise BadParameterError("obscode", "1 to 5 letters and digits")
    return code.upper()
