"""The files of a sequence in the processed bucket, and the transaction that publishes them.

Each claim writes its own objects: earlier ones stay complete until the transaction, which changes
rows and paths together. The sweep deletes objects that no row names: new objects are noted before
they are written, and replaced ones in the transaction.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.orm import Session

from light_curves.files.fits_file import write_fits
from light_curves.files.parquet_file import write_parquet
from light_curves.measurements import LightCurves
from light_curves.nights import Found
from light_curves.rows import Rows, n_stars, photon_limit_ratio, star_rows
from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.candidates import (
    replace_sequence_candidates,
    replace_star_candidates,
)
from panoptes_network.database.copy import copy_into
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_models import StarLightCurve
from panoptes_network.database.light_curve_sets import SetClaim, record_set
from panoptes_network.database.superseded import note_superseded, sequence_path
from panoptes_network.errors import TransientError
from panoptes_network.storage import StoredObject

TYPES = {"parquet": "application/vnd.apache.parquet", "fits": "application/fits"}


@dataclass(frozen=True)
class Written:
    """The files in the work folder, by suffix, and the stars' rows."""

    files: dict[str, Path]
    stars: list[Rows]


def write_files(curves: LightCurves, sequence_id: str, folder: Path) -> Written:
    """Write both files to the work folder."""
    files = {ending: folder / f"light_curves.{ending}" for ending in TYPES}
    first_rows = write_parquet(files["parquet"], curves)
    write_fits(files["fits"], curves, sequence_id)
    return Written(files, star_rows(curves, sequence_id, first_rows))


def upload(claim: SetClaim, written: Written) -> dict[str, StoredObject]:
    """Upload the files, under names that no other claim uses.

    Raises
    ------
    TransientError
        If storage or database is unavailable.
    """
    first = claim.images[0]
    named = partial(sequence_path, claim.sequence_id, (first.image_id, first.bucket_path))
    paths = {ending: named(f"_light_curves_{claim.number}.{ending}") for ending in TYPES}
    bucket = settings().processed_bucket
    run_transaction(
        partial(note_superseded, bucket=bucket, paths=paths.values(), subject=claim.sequence_id)
    )
    return {
        ending: _upload(path, written.files[ending], TYPES[ending], claim)
        for ending, path in paths.items()
    }


def commit(
    claim: SetClaim,
    curves: LightCurves,
    written: Written,
    found: Found,
    uploaded: dict[str, StoredObject],
    processing_s: float,
) -> None:
    """Publish the uploaded files, the stars' rows and the candidates in one transaction.

    Raises
    ------
    StaleClaimError
        If another worker has claimed the sequence.
    TransientError
        If the database is unavailable.
    """
    columns: dict[str, object] = {
        "n_frames": len(curves.fluxes.image_ids),
        "n_stars": n_stars(curves),
        "photon_limit_ratio": photon_limit_ratio(curves),
        "processing_s": processing_s,
    }
    for ending, stored in uploaded.items():
        columns |= {
            f"{ending}_path": stored.path,
            f"{ending}_generation": stored.generation,
            f"{ending}_bytes": stored.size,
        }

    def save(session: Session) -> None:
        # Set first: it locks the row, and a void claim ends here.
        before = record_set(session, claim, columns)
        of_sequence = StarLightCurve.sequence_id == claim.sequence_id
        session.execute(delete(StarLightCurve).where(of_sequence))
        for rows in written.stars:
            copy_into(session.connection(), StarLightCurve.__tablename__, rows)
        replace_sequence_candidates(session, claim.sequence_id, found.of_night)
        over_nights = found.over_nights
        replace_star_candidates(session, over_nights.searched, over_nights.found)
        left = filter(None, (before.parquet_path, before.fits_path))
        note_superseded(session, settings().processed_bucket, left, claim.sequence_id)

    run_transaction(save)


def _upload(path: str, file: Path, content_type: str, claim: SetClaim) -> StoredObject:
    bucket = settings().processed_bucket
    metadata = {"sequence-id": claim.sequence_id, "claim": str(claim.number)}
    try:
        return storage.upload(
            bucket, path, file, metadata, content_type=content_type, over_generation=0
        )
    except TransientError:
        there = storage.find_if_there(bucket, path)
        if there and there.metadata == metadata:
            return there  # the upload succeeded; only the response was lost
        raise
