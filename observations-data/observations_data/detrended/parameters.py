"""The parameters of a search of light curves, and how they were measured."""

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
"""An observer's code of the AAVSO."""


class Method(StrEnum):
    """How a star's light is measured."""

    RAW = "raw"
    DETRENDED = "detrended"


class Sort(StrEnum):
    """What the stars of a sequence can be sorted by."""

    MAG = "mag"
    SCATTER = "scatter"
    EXCESS = "excess"
    CHI2 = "chi2"
    VARIABILITY = "variability"


USUALLY_FALLING = frozenset({Sort.EXCESS, Sort.CHI2, Sort.VARIABILITY})


@dataclass(frozen=True, slots=True)
class CurveSearch:
    """Which stars of a sequence are wanted, in which order, and how many of them at once."""

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
            For the first one that cannot be read.
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
    """Return ``obscode``, the observer's code in a report; empty where none is given.

    Raises
    ------
    BadParameterError
        For what is no such code.
    """
    code = query.text(parameters, "obscode") or ""
    if code and not re.fullmatch(OBSERVER, code, re.ASCII):
        raise BadParameterError("obscode", "1 to 5 letters and digits")
    return code.upper()
