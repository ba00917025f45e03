"""The rows that an image refers to: its unit, camera and sequence, and their facts.

The newest trustworthy fact wins. Each fact records the image that it is from, so the result does
not depend on the order in which images arrive (decision 0026).
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.models import Camera, Fact, FactChange, FactValue, Sequence, Unit
from panoptes_network.frames.fits_header import Cards
from panoptes_network.frames.metadata import Identity, integer, number, text
from panoptes_network.provenance import Origin
from panoptes_network.storage import StoredObject

Parent = Unit | Camera | Sequence
P = TypeVar("P", bound=Parent)
Facts = dict[str, FactValue]

MAX_EXPTIME_S = 86_400.0
MIN_ELEVATION_M, MAX_ELEVATION_M = -500.0, 9000.0


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """Rank of a fact by its age; the greater rank is used.

    Ranks compare the image's time first. For one image, headers that were sent rank above those of
    the file, the unit's own FITS file above one made from the CR2, and a newer upload above an
    older one.
    """

    taken_at: datetime
    was_sent: bool
    from_unit: bool
    generation: int
    image_id: str

    @classmethod
    def of(cls, fact: Fact) -> "Rank":
        """Return the rank of a stored fact."""
        return cls(
            fact.taken_at, fact.was_sent, fact.from_unit, fact.generation, fact.image_id or ""
        )


@dataclass(frozen=True, slots=True)
class FileRank:
    """A file's rank among those of its image: whether it is the unit's own, and its generation."""

    from_unit: bool
    generation: int

    @classmethod
    def of(cls, stored: StoredObject | None) -> "FileRank":
        """Return a file's rank; headers without a file rank lowest.

        A product of a CR2 ranks as that CR2, whenever it was made.
        """
        if stored is None:
            return cls(from_unit=False, generation=0)
        origin = Origin.of(stored) or Origin("", stored.path, stored.generation)
        return cls(not origin.is_cr2, origin.generation)


def insert_parents(
    session: Session,
    identity: Identity,
    headers: Cards,
    sent: Cards,
    file: FileRank,
    service: str,
) -> None:
    """Write the rows an image refers to, in a fixed order so that two writers cannot deadlock."""
    unit_id, camera_id = identity.image.unit_id, identity.image.camera_id
    sequence_id = str(identity.sequence)
    _insert(session, Unit, unit_id=unit_id)
    _insert(session, Camera, camera_id=camera_id, unit_id=unit_id)
    _insert(
        session,
        Sequence,
        sequence_id=sequence_id,
        unit_id=unit_id,
        camera_id=camera_id,
        start_time=identity.sequence.time,
    )
    image_id, time = str(identity.image), identity.image.time
    from_file = Rank(time, False, file.from_unit, file.generation, image_id)
    from_sender = Rank(time, True, file.from_unit, file.generation, image_id)
    parents: list[tuple[type[Parent], str]] = [
        (Unit, unit_id),
        (Camera, camera_id),
        (Sequence, sequence_id),
    ]
    for table, subject in parents:
        believed = _facts(table, headers, identity.field)
        _believe(session, table, subject, believed, from_file, service)
        _believe(session, table, subject, _facts(table, sent, None), from_sender, service)


def locked_parent(session: Session, table: type[P], subject: str) -> P | None:
    """Return a unit's, camera's or sequence's row, locked against writers; None if missing."""
    [key] = table.__table__.primary_key.columns  # type: ignore[attr-defined]
    query = select(table).where(key == subject).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def facts_of(session: Session, subject: str) -> dict[str, Fact]:
    """Return the stored facts of a subject, by name."""
    found = session.scalars(select(Fact).where(Fact.subject == subject))
    return {fact.name: fact for fact in found}


def _facts(table: type[Parent], headers: Cards, field: str | None) -> Facts:
    """Return the trustworthy facts in a header."""
    if table is Unit:
        found = {**_site(headers), "name": text(headers, "OBSERVER")}
    elif table is Camera:
        found = {"serial_number": text(headers, "CAMSN")}
    else:
        found = {
            "field": field,
            "mount_ra_deg": _within(number(headers, "RA-MNT"), 0, 360),
            "mount_dec_deg": _within(number(headers, "DEC-MNT"), -90, 90),
            "exptime_s": _positive(number(headers, "EXPTIME"), MAX_EXPTIME_S),
            "iso": _positive(integer(headers, "ISO"), math.inf),
            "software": text(headers, "CREATOR"),
        }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _site(headers: Cards) -> Facts:
    """Return a unit's location; a latitude without a longitude, or 0 and 0, is not a location."""
    latitude = _within(number(headers, "LAT-OBS"), -90, 90)
    longitude = _within(number(headers, "LONG-OBS"), -180, 180)
    elevation = _within(number(headers, "ELEV-OBS"), MIN_ELEVATION_M, MAX_ELEVATION_M)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return {}
    return {"latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": elevation}


def _within(value: float | None, least: float, most: float) -> float | None:
    return value if value is not None and least <= value <= most else None


def _positive(value: float | None, most: float) -> float | None:
    return value if value is not None and 0 < value <= most else None


def _insert(session: Session, table: type[Parent], **values: object) -> None:
    session.execute(insert(table).values(**values).on_conflict_do_nothing())


def _believe(
    session: Session, table: type[Parent], subject: str, values: Facts, rank: Rank, service: str
) -> None:
    """Store the facts that are newer than the known ones."""
    if not values:
        return
    row, known = locked_parent(session, table, subject), facts_of(session, subject)
    for name, value in values.items():
        before = known.get(name)
        if before is not None and (before.is_pinned or rank < Rank.of(before)):
            continue
        old = getattr(row, name)
        setattr(row, name, value)
        session.merge(_fact(subject, name, rank))
        if old not in (None, value):
            session.add(
                FactChange(
                    subject=subject,
                    name=name,
                    old_value=old,
                    new_value=value,
                    is_pinned=False,
                    image_id=rank.image_id,
                    changed_by=service,
                )
            )
    session.flush()


def _fact(subject: str, name: str, rank: Rank) -> Fact:
    return Fact(
        subject=subject,
        name=name,
        image_id=rank.image_id,
        taken_at=rank.taken_at,
        was_sent=rank.was_sent,
        from_unit=rank.from_unit,
        generation=rank.generation,
        is_pinned=False,
    )
