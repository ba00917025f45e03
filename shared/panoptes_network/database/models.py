"""The tables of the database `metadata`, which are created by `migrations`."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    LargeBinary,
    SmallInteger,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, REAL
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column

from panoptes_network.figures import FIGURES
from panoptes_network.frames.fits_header import CardValue
from panoptes_network.frames.header_values import Finding
from panoptes_network.states import ImageState

FactValue = str | float | None


class Base(DeclarativeBase):
    """Maps Python types to the column types used throughout."""

    type_annotation_map: ClassVar = {
        str: Text,
        float: DOUBLE_PRECISION,
        datetime: DateTime(timezone=True),
        list[float]: ARRAY(DOUBLE_PRECISION),
        list[str]: ARRAY(Text),
    }


class Unit(Base):
    """A telescope and its location."""

    __tablename__ = "units"

    unit_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    latitude_deg: Mapped[float | None]
    longitude_deg: Mapped[float | None]
    elevation_m: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Camera(Base):
    """A camera and the unit on which it was first seen."""

    __tablename__ = "cameras"

    camera_id: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.unit_id"))
    serial_number: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Sequence(Base):
    """An observation: the frames of one camera in one tracking run.

    `film_path` is its film in the processed bucket and `film_frames` the film's number of frames.
    The remaining film_* columns describe the last attempt: number of images, newest generation, and
    the reason if it failed. `tags` are labels by operators and by its unit; the unit's are also
    kept in `unit_tags`, so that one removed by an operator stays removed. `field_folded` is the
    field's name normalized for comparison, without regard to case and Unicode form.
    """

    __tablename__ = "sequences"

    sequence_id: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.unit_id"))
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.camera_id"))
    start_time: Mapped[datetime]
    field: Mapped[str | None]
    field_folded: Mapped[str | None] = mapped_column(Computed("see migration 0013"))
    mount_ra_deg: Mapped[float | None]
    mount_dec_deg: Mapped[float | None]
    exptime_s: Mapped[float | None]
    iso: Mapped[int | None]
    software: Mapped[str | None]
    film_path: Mapped[str | None]
    film_frames: Mapped[int | None]
    film_images: Mapped[int | None]
    film_generation: Mapped[int | None] = mapped_column(BigInteger)
    film_reason: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    unit_tags: Mapped[list[str]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Fact(Base):
    """The image that a value in a unit's, camera's or sequence's row is from: `parents.Rank`."""

    __tablename__ = "facts"

    subject: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[str | None]
    taken_at: Mapped[datetime]
    was_sent: Mapped[bool]
    from_unit: Mapped[bool]
    generation: Mapped[int] = mapped_column(BigInteger)
    is_pinned: Mapped[bool] = mapped_column(server_default="false")


class FactChange(Base):
    """A change of a fact: the values, and the image that caused it or the author and reason."""

    __tablename__ = "fact_changes"

    change_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    subject: Mapped[str]
    name: Mapped[str]
    old_value: Mapped[FactValue] = mapped_column(JSONB(none_as_null=True), nullable=True)
    new_value: Mapped[FactValue] = mapped_column(JSONB(none_as_null=True), nullable=True)
    is_pinned: Mapped[bool]
    image_id: Mapped[str | None]
    changed_by: Mapped[str]
    reason: Mapped[str | None]


class SequenceFigures(Base):
    """Totals over the images of a sequence, maintained by database triggers.

    This is a separate table, locked after all others: writers of images lock a sequence before an
    image, so a trigger that wrote to the sequence would deadlock with them.

    There is one count of images per state. The sums are those of the `n_centres` solved centres'
    unit vectors, whose direction is `ra_deg`, `dec_deg`. `footprint_deg` is that of the newest
    image that has one; `updated_at` is the time of the last change to an image.
    """

    __tablename__ = "sequence_figures"

    sequence_id: Mapped[str] = mapped_column(
        ForeignKey("sequences.sequence_id", ondelete="CASCADE"), primary_key=True
    )
    n_images: Mapped[int] = mapped_column(server_default="0")
    n_metadata_received: Mapped[int] = mapped_column(server_default="0")
    n_solving: Mapped[int] = mapped_column(server_default="0")
    n_solved: Mapped[int] = mapped_column(server_default="0")
    n_sources_detected: Mapped[int] = mapped_column(server_default="0")
    n_sources_extracted: Mapped[int] = mapped_column(server_default="0")
    n_skipped: Mapped[int] = mapped_column(server_default="0")
    n_unsolved: Mapped[int] = mapped_column(server_default="0")
    n_error: Mapped[int] = mapped_column(server_default="0")
    n_centres: Mapped[int] = mapped_column(server_default="0")
    sum_x: Mapped[float] = mapped_column(server_default="0")
    sum_y: Mapped[float] = mapped_column(server_default="0")
    sum_z: Mapped[float] = mapped_column(server_default="0")
    ra_deg: Mapped[float | None] = mapped_column(Computed("see migration 0008"))
    dec_deg: Mapped[float | None] = mapped_column(Computed("see migration 0008"))
    n_sources: Mapped[int] = mapped_column(BigInteger, server_default="0")
    n_matched: Mapped[int] = mapped_column(BigInteger, server_default="0")
    n_stamps: Mapped[int] = mapped_column(BigInteger, server_default="0")
    exposure_s: Mapped[float] = mapped_column(server_default="0")
    first_image: Mapped[datetime | None]
    last_image: Mapped[datetime | None]
    footprint_deg: Mapped[list[float] | None]
    updated_at: Mapped[datetime | None]

    @classmethod
    def n_in(cls, state: ImageState) -> InstrumentedAttribute[int]:
        """Return the column with the number of images in `state`."""
        column: InstrumentedAttribute[int] = getattr(cls, f"n_{state}")
        return column


class FileFigures(Base):
    """Number of files of each kind of a unit's images in `image_files`, maintained by a trigger."""

    __tablename__ = "file_figures"

    unit_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    n_files: Mapped[int] = mapped_column(BigInteger)
    n_bytes: Mapped[int] = mapped_column(BigInteger)


class Image(Base):
    """One exposure: its file, its processing state, and its measurements.

    `put_off_at` is when other units' images were last given precedence.

    `generation` is the bucket object's generation that all other columns describe. `claim` is the
    number of the last worker that claimed the image; only that worker may write. `header_findings`
    lists the cards that could not be used as they are, with their value and the problem
    (`header_values.read_headers`). `from_cr2` means that the network made this FITS file from the
    unit's CR2. `image_key` stands for `image_id` in the rows of `sources`, where 8 bytes matter.
    """

    __tablename__ = "images"

    image_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    image_id: Mapped[str] = mapped_column(unique=True)
    sequence_id: Mapped[str] = mapped_column(ForeignKey("sequences.sequence_id"))
    time: Mapped[datetime]
    bucket: Mapped[str | None]
    bucket_path: Mapped[str | None]
    generation: Mapped[int] = mapped_column(BigInteger, server_default="0")
    from_cr2: Mapped[bool] = mapped_column(server_default="false")
    state: Mapped[str]
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    claim: Mapped[int] = mapped_column(BigInteger, server_default="0")
    headers: Mapped[dict[str, CardValue]] = mapped_column(JSONB, server_default="{}")
    contradictions: Mapped[dict[str, dict[str, str]]] = mapped_column(JSONB, server_default="{}")
    header_findings: Mapped[dict[str, Finding]] = mapped_column(JSONB, server_default="{}")
    exptime_s: Mapped[float | None]
    solved_path: Mapped[str | None]
    ra_deg: Mapped[float | None]
    dec_deg: Mapped[float | None]
    pixel_scale_arcsec: Mapped[float | None]
    rotation_deg: Mapped[float | None]
    footprint_deg: Mapped[list[float] | None]
    rms_arcsec: Mapped[float | None]
    n_sources: Mapped[int | None]
    n_matched: Mapped[int | None]
    n_stamps: Mapped[int | None]
    fwhm_px: Mapped[float | None]
    background_adu: Mapped[float | None]
    limiting_mag: Mapped[float | None]
    zero_point_mag: Mapped[float | None]
    processing_s: Mapped[float | None]
    put_off_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


FIGURE_COLUMNS: tuple[InstrumentedAttribute[float | None], ...] = tuple(
    getattr(Image, figure.name) for figure in FIGURES
)
"""The columns of `images` with what was measured."""


class ImageFile(Base):
    """A file of an image besides `bucket_path` and `solved_path` of its row.

    It may exist before its image's row. `source_generation` is the generation of the object it was
    made from, `generation` its own; for a CR2, both are the CR2's.
    """

    __tablename__ = "image_files"

    bucket: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[str]
    kind: Mapped[str]
    generation: Mapped[int] = mapped_column(BigInteger)
    source_path: Mapped[str]
    source_generation: Mapped[int] = mapped_column(BigInteger)
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class ImageEvent(Base):
    """One event in the history of an image, or of a file that never became one."""

    __tablename__ = "image_events"

    event_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    image_id: Mapped[str | None]
    bucket_path: Mapped[str | None]
    service: Mapped[str]
    message_id: Mapped[str | None]
    state: Mapped[str]
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]


class Source(Base):
    """A source detected in an image, or a catalog star measured at its position.

    `is_detected` says whether source-extractor detected it. `neighbour_flux` is the light of other
    catalog stars in a star's aperture, relative to the star's own.

    Partitioned by month of `time`, the start of the exposure (`ensure_sources_partition`
    makes the month's table). `x_px`, `y_px` are 0-based mosaic pixels; `stamp_x`,
    `stamp_y` the corner pixel of the stamp, which is `stamp_side`² big-endian unsigned
    16-bit values, row by row.
    """

    __tablename__ = "sources"

    time: Mapped[datetime] = mapped_column(primary_key=True)
    image_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    picid: Mapped[int | None] = mapped_column(BigInteger)
    catalog: Mapped[str | None]
    ra_deg: Mapped[float]
    dec_deg: Mapped[float]
    x_px: Mapped[float] = mapped_column(REAL)
    y_px: Mapped[float] = mapped_column(REAL)
    separation_arcsec: Mapped[float | None] = mapped_column(REAL)
    flux_adu: Mapped[float] = mapped_column(REAL)
    flux_err_adu: Mapped[float] = mapped_column(REAL)
    peak_adu: Mapped[float] = mapped_column(REAL)
    fwhm_px: Mapped[float | None] = mapped_column(REAL)
    ellipticity: Mapped[float | None] = mapped_column(REAL)
    flags: Mapped[int] = mapped_column(SmallInteger)
    is_detected: Mapped[bool] = mapped_column(server_default="true")
    neighbour_flux: Mapped[float | None] = mapped_column(REAL)
    stamp_x: Mapped[int | None] = mapped_column(SmallInteger)
    stamp_y: Mapped[int | None] = mapped_column(SmallInteger)
    stamp_side: Mapped[int | None] = mapped_column(SmallInteger)
    stamp: Mapped[bytes | None] = mapped_column(LargeBinary)


class CatalogStar(Base):
    """A star of a loaded catalog, indexed by its HEALPix cell (`sky.healpix_cells`).

    `picid` is the TIC id where `catalog` is `tic`; where it is `gaia`, the Gaia DR3 source
    id, or minus the HIP number. The position is ICRS at the catalog's own epoch
    (`catalog.epochs.EPOCH_YR`). Unknown motions, magnitudes and temperatures are NaN, not
    NULL, so that every row has the same width. Two motions of 0 are unknown, too: rows that
    were loaded by earlier versions have them.
    """

    __tablename__ = "catalog_stars"

    picid: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    catalog: Mapped[str] = mapped_column(primary_key=True)
    healpix: Mapped[int]
    ra_deg: Mapped[float]
    dec_deg: Mapped[float]
    pmra_masyr: Mapped[float] = mapped_column(REAL)
    pmdec_masyr: Mapped[float] = mapped_column(REAL)
    mag: Mapped[float] = mapped_column(REAL)
    gaia_mag: Mapped[float] = mapped_column(REAL)
    teff_k: Mapped[float] = mapped_column(REAL)


class CatalogLoad(Base):
    """A file loaded, or being loaded, into `catalog_stars`, which makes loading resumable.

    `load_id` identifies the file's content and the limits of the load. `rows_done` counts committed
    rows of the file, `stars_done` those within the limits.
    """

    __tablename__ = "catalog_loads"

    load_id: Mapped[str] = mapped_column(primary_key=True)
    catalog: Mapped[str]
    file_name: Mapped[str]
    limits: Mapped[str]
    rows_done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    stars_done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
