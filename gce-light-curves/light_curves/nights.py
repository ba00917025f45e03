"""The search of a sequence's stars in this night, and in combination with earlier nights."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from light_curves.claims import Held
from light_curves.measurements import CatalogField, LightCurves
from light_curves.search.candidates import candidates_of
from light_curves.search.night import Night
from light_curves.search.over_nights import LONGEST_SPAN_D, OverNights, find_over_nights
from light_curves.search.transits import search_transits
from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.candidates import CandidateKind, FoundCandidate
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_models import Candidate, LightCurveSet, StarLightCurve
from panoptes_network.errors import PermanentError
from panoptes_network.ids import CameraTime

PROBES = 50
"""Brightest stars used as probes: a sequence without them shares few others."""

MAX_NIGHTS = 30
"""The nearest ones in time; each is a file of some 100 MB."""

NEAR = timedelta(days=LONGEST_SPAN_D)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """Candidates of a sequence, and those of its stars over all their nights."""

    of_night: list[FoundCandidate]
    over_nights: OverNights


def search(curves: LightCurves, sequence_id: str, folder: Path, held: Held) -> Found:
    """Search the light curves of a sequence.

    Raises
    ------
    TransientError
        If storage or database is unavailable.
    """
    night = Night.of_curves(curves)
    transits = search_transits(night)
    of_night = candidates_of(curves, night, transits)
    if transits is None:
        return Found(of_night, OverNights())
    field = curves.fluxes.field
    earlier = earlier_files(sequence_id, field, folder, held)
    return Found(of_night, find_over_nights(curves, transits, earlier, followed(field)))


def earlier_files(
    sequence_id: str, field: CatalogField, folder: Path, held: Held
) -> Iterator[Path]:
    """Yield Parquet files of other sequences with stars of a field, the nearest in time first.

    Each file is deleted when the next is requested. One that is being replaced is skipped.

    Raises
    ------
    TransientError
        If storage or database is unavailable.
    """
    at = CameraTime.parse(sequence_id).time
    paths = run_transaction(partial(_paths, sequence_id=sequence_id, at=at, field=field))
    file = folder / "earlier.parquet"
    for path in paths:
        held.check()
        try:
            storage.download(storage.find(settings().processed_bucket, path), file)
        except PermanentError as error:
            _log.warning("an earlier night is not used: %s", error.message)
            continue
        yield file
    file.unlink(missing_ok=True)


def followed(field: CatalogField) -> set[int]:
    """Return the ids of a field's stars that are candidates over all their nights."""
    query = select(Candidate.picid).where(
        Candidate.sequence_id.is_(None), Candidate.kind == CandidateKind.TRANSIT
    )
    known = run_transaction(lambda session: session.scalars(query).all())
    return set(known) & set(field.picid.tolist())


def _paths(session: Session, sequence_id: str, at: datetime, field: CatalogField) -> list[str]:
    bright = np.argsort(field.gaia_mag, kind="stable")[:PROBES]
    query = (
        select(LightCurveSet.parquet_path)
        .join(StarLightCurve, StarLightCurve.sequence_id == LightCurveSet.sequence_id)
        .where(
            StarLightCurve.picid.in_(field.picid[bright].tolist()),
            LightCurveSet.sequence_id != sequence_id,
            LightCurveSet.parquet_path.is_not(None),
            StarLightCurve.first_time.between(at - NEAR, at + NEAR),
        )
        .group_by(LightCurveSet.sequence_id)
        .order_by(func.min(func.abs(func.extract("epoch", StarLightCurve.first_time - at))))
        .limit(MAX_NIGHTS)
    )
    return [str(path) for path in session.scalars(query)]
