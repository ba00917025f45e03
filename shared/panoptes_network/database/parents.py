"""The rows that an image refers to: its unit, its camera, its sequence."""

from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.models import Camera, Sequence, Unit
from panoptes_network.metadata import Identity, integer, number, text


def insert_parents(session: Session, identity: Identity, headers: dict[str, Any]) -> None:
    """Write the rows an image refers to, in one order, so that two writers cannot deadlock."""
    unit_id, camera_id = identity.image.unit_id, identity.image.camera_id
    _insert_missing(
        session,
        Unit,
        unit_id=unit_id,
        name=text(headers, "OBSERVER"),
        latitude_deg=number(headers, "LAT-OBS"),
        longitude_deg=number(headers, "LONG-OBS"),
        elevation_m=number(headers, "ELEV-OBS"),
    )
    _insert_missing(
        session,
        Camera,
        camera_id=camera_id,
        unit_id=unit_id,
        serial_number=text(headers, "CAMSN"),
    )
    _insert_missing(
        session,
        Sequence,
        sequence_id=str(identity.sequence),
        unit_id=unit_id,
        camera_id=camera_id,
        start_time=identity.sequence.time,
        field=identity.field,
        mount_ra_deg=number(headers, "RA-MNT"),
        mount_dec_deg=number(headers, "DEC-MNT"),
        exptime_s=number(headers, "EXPTIME"),
        iso=integer(headers, "ISO"),
        software=text(headers, "CREATOR"),
    )


def _insert_missing(session: Session, table: type[Any], **values: Any) -> None:
    """Insert a row; where it exists, fill in only what was not known of it."""
    key, *others = values
    new = insert(table).values(**values)
    filled = {n: func.coalesce(getattr(table, n), new.excluded[n]) for n in others}
    session.execute(new.on_conflict_do_update(index_elements=[key], set_=filled))
