"""The tables of light curves: sets per sequence, star summaries, candidates, flats."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from panoptes_network.database.models import Base

VettingValue = float | dict[str, list[float]] | None


class LightCurveSet(Base):
    """The light curves of a sequence: the frames they are made from, and the paths of their files.

    `images` and `generation` describe the last attempt: the number of solved frames and their
    newest generation. The files are kept until newer ones are committed. If an attempt failed,
    `reason_code` and `reason` say why, and an earlier result is kept. `claim` is the number of the
    last worker that claimed the sequence; only that worker may write. `claimed_at` is that worker's
    last sign of life, None once it has ended; `asked_at` is the sweep's last request.
    `photon_limit_ratio` is the median scatter of G 9 to 11 in units of the expected noise.
    """

    __tablename__ = "light_curve_sets"

    sequence_id: Mapped[str] = mapped_column(ForeignKey("sequences.sequence_id"), primary_key=True)
    images: Mapped[int] = mapped_column(server_default="0")
    generation: Mapped[int] = mapped_column(BigInteger, server_default="0")
    claim: Mapped[int] = mapped_column(BigInteger, server_default="0")
    claimed_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]
    n_frames: Mapped[int | None]
    n_stars: Mapped[int | None]
    parquet_path: Mapped[str | None]
    parquet_generation: Mapped[int | None] = mapped_column(BigInteger)
    parquet_bytes: Mapped[int | None] = mapped_column(BigInteger)
    fits_path: Mapped[str | None]
    fits_generation: Mapped[int | None] = mapped_column(BigInteger)
    fits_bytes: Mapped[int | None] = mapped_column(BigInteger)
    photon_limit_ratio: Mapped[float | None]
    processing_s: Mapped[float | None]
    made_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class StarLightCurve(Base):
    """A star's light curve in one sequence, as the numbers used for lists and searches.

    `scatter` and `expected_noise` are relative, per frame, for all colours together; `variability`
    is Stetson's J of the colours. `quality` combines the bits of all frames
    (`panoptes_network.light_curves.schema.Quality`). `first_row` and `n_frames` locate the star's
    rows in the Parquet file.
    """

    __tablename__ = "star_light_curves"

    sequence_id: Mapped[str] = mapped_column(
        ForeignKey("light_curve_sets.sequence_id", ondelete="CASCADE"), primary_key=True
    )
    picid: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    catalog: Mapped[str] = mapped_column(primary_key=True)
    ra_deg: Mapped[float]
    dec_deg: Mapped[float]
    gaia_mag: Mapped[float | None] = mapped_column(REAL)
    first_row: Mapped[int]
    n_frames: Mapped[int]
    n_good: Mapped[int]
    first_time: Mapped[datetime]
    last_time: Mapped[datetime]
    scatter: Mapped[float | None] = mapped_column(REAL)
    expected_noise: Mapped[float | None] = mapped_column(REAL)
    reduced_chi2: Mapped[float | None] = mapped_column(REAL)
    variability: Mapped[float | None] = mapped_column(REAL)
    quality: Mapped[int]


class Candidate(Base):
    """A candidate: a transit found by box least squares, or a variable star.

    `sequence_id` is None for a search over all nights of the star. `vetting` has the checks for
    human review, by name (`panoptes_network.light_curves.schema.Vetting`).
    """

    __tablename__ = "candidates"
    __table_args__ = (
        UniqueConstraint(
            *("kind", "picid", "catalog", "sequence_id"),
            name="candidates_subject",
            postgresql_nulls_not_distinct=True,
        ),
    )

    candidate_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    picid: Mapped[int] = mapped_column(BigInteger)
    catalog: Mapped[str]
    sequence_id: Mapped[str | None] = mapped_column(
        ForeignKey("light_curve_sets.sequence_id", ondelete="CASCADE")
    )
    ra_deg: Mapped[float]
    dec_deg: Mapped[float]
    gaia_mag: Mapped[float | None] = mapped_column(REAL)
    n_nights: Mapped[int]
    significance: Mapped[float]
    false_alarm_probability: Mapped[float]
    depth: Mapped[float | None]
    depth_err: Mapped[float | None]
    duration_h: Mapped[float | None]
    mid_bjd_tdb: Mapped[float | None]
    period_d: Mapped[float | None]
    amplitude: Mapped[float | None]
    known_name: Mapped[str | None]
    known_kind: Mapped[str | None]
    vetting: Mapped[dict[str, VettingValue]] = mapped_column(JSONB, server_default="{}")
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CameraFlat(Base):
    """A camera's pixel flat: the relative sensitivity of its pixels, measured on the sky.

    Versions are immutable; a later version is another row and another file.
    """

    __tablename__ = "camera_flats"

    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.camera_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
    generation: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    n_frames: Mapped[int]
    n_nights: Mapped[int]
    pixel_err: Mapped[float]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
