"""Parameters of a candidate search: filters and order."""

from dataclasses import dataclass
from enum import StrEnum

from observations_data.http import query_parameters as query
from observations_data.http.query_parameters import DEFAULT_LIMIT, Parameters
from observations_data.pagination import Order
from observations_data.position import Cone
from observations_data.stars.parameters import cone
from panoptes_network.ids import fold_id
from panoptes_network.light_curves.schema import CandidateKind

MAX_SIGNIFICANCE = 1e6


class Sort(StrEnum):
    """Sort keys of candidates."""

    SIGNIFICANCE = "significance"
    FALSE_ALARM = "false_alarm"
    DEPTH = "depth"
    DURATION = "duration"
    PERIOD = "period"
    MAG = "mag"
    FOUND = "found"


USUALLY_FALLING = frozenset({Sort.SIGNIFICANCE, Sort.DEPTH, Sort.FOUND})


@dataclass(frozen=True, slots=True)
class CandidateSearch:
    """A candidate search: filters, order and limit."""

    order: Order
    kind: CandidateKind | None = None
    min_significance: float | None = None
    max_false_alarm: float | None = None
    min_mag: float | None = None
    max_mag: float | None = None
    sequence_id: str | None = None
    unit: str | None = None
    known: bool | None = None
    cone: Cone | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def parse(cls, parameters: Parameters) -> "CandidateSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first invalid one.
        """
        sequence_id = query.text(parameters, "sequence_id")
        known = query.text(parameters, "known")
        return cls(
            order=Order.parse(parameters, Sort, USUALLY_FALLING, (int,)),
            kind=query.choice(parameters, "kind", CandidateKind),
            min_significance=query.real_number(parameters, "min_significance", 0, MAX_SIGNIFICANCE),
            max_false_alarm=query.real_number(parameters, "max_false_alarm", 0, 1),
            min_mag=query.real_number(parameters, "min_mag", *query.MAG_LIMITS),
            max_mag=query.real_number(parameters, "max_mag", *query.MAG_LIMITS),
            sequence_id=fold_id(sequence_id) if sequence_id else None,
            unit=query.text(parameters, "unit"),
            known=query.truth(parameters, "known") if known else None,
            cone=cone(parameters),
            limit=query.limit(parameters),
        )
