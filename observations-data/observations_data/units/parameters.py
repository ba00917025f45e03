"""Which of a unit's nights a request asks for."""

from dataclasses import dataclass
from datetime import date

from observations_data.http.query_parameters import DEFAULT_LIMIT, Parameters, day, limit


@dataclass(frozen=True, slots=True)
class NightSearch:
    """Which of a unit's nights are wanted: those before a date, and how many of them."""

    before: date | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def parse(cls, parameters: Parameters) -> "NightSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first one that cannot be read.
        """
        return cls(before=day(parameters, "before"), limit=limit(parameters))
