"""A request for a unit's nights."""

from dataclasses import dataclass
from datetime import date

from observations_data.http.query_parameters import DEFAULT_LIMIT, Parameters, day, limit


@dataclass(frozen=True, slots=True)
class NightSearch:
    """A search of a unit's nights: those before a date, and a limit."""

    before: date | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def parse(cls, parameters: Parameters) -> "NightSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first invalid one.
        """
        return cls(before=day(parameters, "before"), limit=limit(parameters))
