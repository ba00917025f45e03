"""Parameters of a cutout."""

from dataclasses import dataclass

from observations_data.http import query_parameters as query
from observations_data.http.query_parameters import BadParameterError, Parameters
from observations_data.position import declination, right_ascension

MIN_SIDE_PX, DEFAULT_SIDE_PX, MAX_SIDE_PX = 6, 64, 1024


@dataclass(frozen=True, slots=True)
class CutoutSearch:
    """A square around a position on the sky, ICRS degrees, by its side in pixels."""

    ra_deg: float
    dec_deg: float
    side_px: int = DEFAULT_SIDE_PX

    @classmethod
    def parse(cls, parameters: Parameters) -> "CutoutSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first one that is missing or invalid.
        """
        side_px = _side(parameters)
        ra, dec = (query.text(parameters, name) or "" for name in ("ra", "dec"))
        return cls(right_ascension(ra), declination(dec), side_px)


def _side(parameters: Parameters) -> int:
    wanted = f"an even number of pixels from {MIN_SIDE_PX} to {MAX_SIDE_PX}"
    side_px = query.whole_number(parameters, "side")
    if side_px is None:
        return DEFAULT_SIDE_PX
    if side_px % 2 or not MIN_SIDE_PX <= side_px <= MAX_SIDE_PX:
        raise BadParameterError("side", wanted)
    return side_px
