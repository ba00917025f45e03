"""Parameters of searches of sources, stars and stamps."""

import base64
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from observations_data.database import unknown
from observations_data.http import query_parameters as query
from observations_data.http.query_parameters import BadParameterError, Parameters
from observations_data.position import MAX_RADIUS_DEG, Cone, declination, right_ascension
from panoptes_network.ids import fold_id

LARGEST = 2**63 - 1
MAX_SOURCES, DEFAULT_SOURCES = 20_000, 1000
MAX_FRAMES = 1000
DEFAULT_VISITS = 100
MAX_SNR = 1e9


class Catalog(StrEnum):
    """Catalogs of star ids; if several have an id, the first one is meant."""

    TIC = "tic"
    GAIA = "gaia"


@dataclass(frozen=True, slots=True)
class StarId:
    """A star's id and its catalog; None if the catalog is not given."""

    picid: int
    catalog: str | None = None

    @classmethod
    def parse(cls, picid: str, parameters: Parameters) -> "StarId":
        """Parse a path's `picid` and the parameter `catalog`.

        Raises
        ------
        BadParameterError
            For an id that is not an integer of up to 19 digits, or an unknown catalog.
        PermanentError
            With :attr:`Reason.OBJECT_MISSING`, for an id of more than 64 bits.
        """
        if not re.fullmatch("-?[0-9]{1,19}", picid, re.ASCII):
            raise BadParameterError("picid", "a whole number of up to 19 digits")
        if abs(int(picid)) > LARGEST:
            raise unknown("star", picid)
        return cls(int(picid), query.choice(parameters, "catalog", Catalog))


@dataclass(frozen=True, slots=True)
class SourceSearch:
    """A search of an image's sources: `after` is the number of the last one returned."""

    limit: int = DEFAULT_SOURCES
    after: int | None = None
    min_snr: float | None = None
    matched: bool = False
    cone: Cone | None = None

    @classmethod
    def parse(cls, parameters: Parameters) -> "SourceSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first invalid one.
        """
        return cls(
            limit=query.limit(parameters, DEFAULT_SOURCES, MAX_SOURCES),
            after=query.whole_number(parameters, "cursor"),
            min_snr=query.real_number(parameters, "min_snr", 0, MAX_SNR),
            matched=query.truth(parameters, "matched"),
            cone=cone(parameters),
        )


@dataclass(frozen=True, slots=True)
class FrameCursor:
    """The last frame of a page of stamps; the next page starts after it."""

    time: datetime
    image_key: int

    def __str__(self) -> str:
        said = f"{self.time.astimezone(UTC).isoformat()} {self.image_key}"
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "FrameCursor":
        """Parse a cursor; ValueError if it is invalid."""
        said = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        moment, _, key = said.partition(" ")
        time = datetime.fromisoformat(moment)
        if time.tzinfo is not UTC or not re.fullmatch("[0-9]{1,18}", key):
            raise ValueError(text)
        return cls(time, int(key))


@dataclass(frozen=True, slots=True)
class FrameSearch:
    """A search of a star's frames: sequence, cursor and limit."""

    sequence_id: str | None = None
    limit: int = MAX_FRAMES
    cursor: FrameCursor | None = None

    @classmethod
    def parse(cls, parameters: Parameters) -> "FrameSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first invalid one.
        """
        first = cls.parse_first(parameters)
        return replace(first, cursor=_cursor(query.text(parameters, "cursor")))

    @classmethod
    def parse_first(cls, parameters: Parameters) -> "FrameSearch":
        """Do the same for a response without pages and cursor."""
        sequence_id = query.text(parameters, "sequence_id")
        return cls(
            sequence_id=fold_id(sequence_id) if sequence_id else None,
            limit=query.limit(parameters, MAX_FRAMES, MAX_FRAMES),
        )


def visit_limit(parameters: Parameters) -> int:
    """Return the number of sequences in a star's list of visits.

    Raises
    ------
    BadParameterError
        For an invalid limit.
    """
    return query.limit(parameters, DEFAULT_VISITS)


def cone(parameters: Parameters) -> Cone | None:
    """Read the search position: ``ra``, ``dec`` and ``radius``, or nothing.

    Raises
    ------
    BadParameterError
        For the first one that is invalid or missing.
    """
    radius_deg = query.real_number(parameters, "radius", 0, MAX_RADIUS_DEG)
    ra, dec = (query.text(parameters, name) for name in ("ra", "dec"))
    if radius_deg is None:
        if ra or dec:
            raise BadParameterError(
                "radius", f"given with ra and dec, from 0 to {MAX_RADIUS_DEG:g}"
            )
        return None
    return Cone(right_ascension(ra or ""), declination(dec or ""), radius_deg)


def _cursor(value: str | None) -> FrameCursor | None:
    try:
        return FrameCursor.parse(value) if value else None
    except ValueError as error:
        raise BadParameterError("cursor", "the value of next in a response") from error
