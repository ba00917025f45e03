"""The tables of light curves: what was made of a sequence, a star's summary, candidates, flats."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.orm import Mapped, mapped_column

from panoptes_network.database.models import Base


class LightCurveSet(Base):
    """The light curves of a sequence: from which frames, and where their files lie.

    `images` and `generation` say of which frames they were last tried: how many solved ones, and
    the newest generation among them. The files stay until newer ones are committed. Where none
    could be made, `reason_code` and `reason` say why; an earlier result stays beside them.
    `claim` is the number of the last worker that took the sequence: only that one may write.
    `claimed_at` is when it was last heard of, None once it has ended; `asked_at` when the sweep
    last asked for them. `photon_limit_ratio` is the median scatter of G 9 to 11 in units of the
    expected noise.
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
    """A star's light curve of one sequence, in the numbers that lists and searches need.

    `scatter` and `expected_noise` are relative, of one frame, all colours together;
    `variability` is Stetson's J of the colours. `quality` has the bits that any frame has
    (`panoptes_network.light_curves.schema.Quality`). `first_row` and `n_frames` say which rows of
    the Parquet file are the star's.
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
    """A star that changes: a transit by box least squares, or a variable.

    `sequence_id` is None where all nights of the star were searched together. `vetting` has what
    a human would look at first, each by its name
    (`panoptes_network.light_curves.schema.Vetting`).
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
    vetting: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CameraFlat(Base):
    """A camera's pixel flat: the relative sensitivity of its pixels, from the sky of its frames.

    A version stays what it is; a later one is another row and another file.
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
