"""What is said of an observation: its own columns, and what all its images say together."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from observations_data import files as file_rows
from observations_data.database import AnyRow, Json
from observations_data.units.queries import longitudes, night_of
from panoptes_network.database.models import Sequence, SequenceFigures
from panoptes_network.states import ImageState

SEQUENCE_COLUMNS = (
    Sequence.sequence_id,
    Sequence.unit_id,
    Sequence.camera_id,
    Sequence.field,
    Sequence.start_time,
    Sequence.exptime_s,
    Sequence.iso,
    Sequence.software,
    Sequence.mount_ra_deg,
    Sequence.mount_dec_deg,
)
FACTS = (
    *SEQUENCE_COLUMNS,
    Sequence.film_reason,
    Sequence.tags,
    Sequence.created_at,
)
OBSERVATION_COLUMNS = (
    *FACTS,
    Sequence.film_path,
    Sequence.film_frames,
    SequenceFigures.n_images,
    SequenceFigures.ra_deg,
    SequenceFigures.dec_deg,
    SequenceFigures.footprint_deg,
    SequenceFigures.updated_at,
    *(SequenceFigures.n_in(state) for state in ImageState),
)
"""What a query has to select so that `observation_rows` can tell of an observation."""


def observation_rows(session: Session, rows: Iterable[AnyRow]) -> list[Json]:
    """Return observations as answers have them, of rows with `OBSERVATION_COLUMNS`."""
    found = list(rows)
    thumbnails = file_rows.newest_thumbnails(session, [row.sequence_id for row in found])
    longitude_deg = longitudes(session, {row.unit_id for row in found})
    return [
        {
            **{column.key: getattr(row, column.key) for column in FACTS},
            "film": file_rows.film_of(row),
            "night": night_of(row.start_time, longitude_deg[row.unit_id]),
            **_figures(row),
            "thumbnail": thumbnails.get(row.sequence_id),
        }
        for row in found
    ]


def _figures(row: AnyRow) -> Json:
    counts = {state.value: getattr(row, f"n_{state}") for state in ImageState}
    return {
        "n_images": row.n_images,
        "states": {state: count for state, count in counts.items() if count},
        "ra_deg": None if row.ra_deg is None else round(row.ra_deg, 6) % 360,
        "dec_deg": None if row.dec_deg is None else round(row.dec_deg, 6),
        "footprint_deg": row.footprint_deg,
        "updated_at": row.updated_at or row.created_at,
    }
