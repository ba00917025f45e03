"""Highlights of the network: the picture of the night, the newest films, and counts."""

from datetime import timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from observations_data import files as file_rows
from observations_data.database import as_record, count
from observations_data.observations.queries import newest_with_film
from panoptes_network.database.gone import is_gone
from panoptes_network.database.light_curve_models import Candidate, LightCurveSet
from panoptes_network.database.models import Image, ImageFile, Sequence
from panoptes_network.responses.highlights import Highlights, NightPicture
from panoptes_network.states import FileKind, ImageState

N_FILMS = 6
N_SEQUENCES = 24
"""Newest sequences among which the picture is chosen."""
AWAKE = timedelta(minutes=30)
DAY = timedelta(days=1)
SHOWN = (FileKind.PREVIEW, FileKind.PICTURE)
"""Images from before previews have the whole picture alone. The preview comes first: of both, its
name is the last in the alphabet.
"""
FOLLOWED = timedelta(days=30)


def highlights(session: Session) -> Highlights:
    """Return the highlights of the network."""
    return {
        "picture": _night_picture(session),
        "films": newest_with_film(session, N_FILMS),
        "n_units_awake": count(session, _units_awake()),
        "n_images_last_day": count(session, _images_last_day()),
        "n_stars": count(session, _stars()),
        "n_candidates": count(session, _candidates()),
    }


def _night_picture(session: Session) -> NightPicture | None:
    newest = (
        select(Sequence.sequence_id, Sequence.unit_id, Sequence.field, Sequence.start_time)
        .where(Sequence.start_time <= func.now())  # a camera's clock may be wrong
        .order_by(Sequence.start_time.desc())
        .limit(N_SEQUENCES)
        .subquery()
    )
    lately = select(func.max(newest.c.start_time) - DAY).scalar_subquery()
    row = session.execute(
        select(
            Image.image_id,
            Image.time,
            newest.c.unit_id,
            newest.c.field,
            Image.n_sources,
            *file_rows.FILE_COLUMNS,
        )
        .join(newest, newest.c.sequence_id == Image.sequence_id)
        .join(ImageFile, ImageFile.image_id == Image.image_id)
        .where(newest.c.start_time >= lately, Image.state == ImageState.SOURCES_EXTRACTED)
        .where(ImageFile.kind.in_(SHOWN), ~is_gone(ImageFile))
        .where(ImageFile.bucket.in_(file_rows.bucket_names().values()))
        .order_by(Image.n_sources.desc().nulls_last(), Image.image_id, ImageFile.kind.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return as_record(
        NightPicture,
        {
            **{name: getattr(row, name) for name in ("image_id", "time", "unit_id", "field")},
            "n_sources": row.n_sources or 0,
            "preview": file_rows.known_file(row)[row.kind],
        },
    )


def _units_awake() -> Select[int]:
    since = func.now() - AWAKE
    return (
        select(func.count(Sequence.unit_id.distinct()))
        .join(Image, Image.sequence_id == Sequence.sequence_id)
        .where(Image.received_at > since)
    )


def _images_last_day() -> Select[int]:
    return select(func.count()).where(Image.received_at > func.now() - DAY)


def _candidates() -> Select[int]:
    stars = select(Candidate.picid, Candidate.catalog).distinct().subquery()
    return select(func.count()).select_from(stars)


def _stars() -> Select[int]:
    """Select the number of stars of each camera's newest light curves of each field.

    A star on two cameras or in overlapping fields counts for each.
    """
    newest = (
        select(LightCurveSet.n_stars)
        .join(Sequence, Sequence.sequence_id == LightCurveSet.sequence_id)
        .where(LightCurveSet.made_at > func.now() - FOLLOWED)
        .ext(distinct_on(Sequence.camera_id, Sequence.field))
        .order_by(Sequence.camera_id, Sequence.field, Sequence.start_time.desc())
        .subquery()
    )
    return select(func.coalesce(func.sum(newest.c.n_stars), 0))
