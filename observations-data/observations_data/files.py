"""Queries of files: images, films and light curves, as objects of the buckets.

Responses call the two buckets ``raw`` and ``processed``, whatever their actual names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Images
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import ColumnElement, case, literal, select, true, union_all
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, unknown
from panoptes_network.config import settings
from panoptes_network.database.gone import is_gone
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.database.models import Image, ImageFile, Sequence
from panoptes_network.nights.schema import Film, StoredFile
from panoptes_network.responses.files import Files, LightCurveFiles
from panoptes_network.responses.observations import ImageFacts
from panoptes_network.states import FileKind

F = TypeVar("F")

IMAGE_PATHS = {"raw": Image.bucket_path, "processed": Image.solved_path}
"""Columns of an image that name a file; as a kind of file, each has its bucket's name."""
RAW_IS_GONE = is_gone(Image).label("raw_is_gone")
OFFERED_RAW_PATH = case((is_gone(Image), None), else_=Image.bucket_path)
"""Path of an image's raw file, None if it was deleted."""
KINDS = (*IMAGE_PATHS, *FileKind)
LIGHT_CURVES, LIGHT_CURVES_FITS = "light_curves", "light_curves_fits"
"""Kinds of files of a whole sequence: all its light curves, as Parquet and as FITS."""
LIGHT_CURVE_COLUMNS = (
    LightCurveSet.parquet_path,
    LightCurveSet.parquet_bytes,
    LightCurveSet.fits_path,
    LightCurveSet.fits_bytes,
)
"""Columns that a query must select for `light_curve_files`."""
FILE_COLUMNS = (ImageFile.kind, ImageFile.bucket, ImageFile.path, ImageFile.n_bytes)


def bucket_names() -> dict[str, str]:
    """Return the buckets' actual names by their names in responses."""
    return {"raw": settings().raw_bucket, "processed": settings().processed_bucket}


def file_in(bucket: str, path: str) -> StoredFile:
    """Return the description of the object `path` in the bucket `bucket`."""
    name = path.rpartition("/")[2]
    return {"path": path, "name": name, "bucket": bucket, "url": f"/files/{bucket}/{quote(path)}"}


def film_of(row: AnyRow) -> Film | None:
    """Return the film of a row of `sequences`, None if it has none."""
    if row.film_path is None:
        return None
    return {**file_in("processed", row.film_path), "n_frames": row.film_frames}


def light_curve_files(row: AnyRow) -> LightCurveFiles:
    """Return the light-curve files of a sequence by kind, from the row of its set."""
    named = {
        LIGHT_CURVES: (row.parquet_path, row.parquet_bytes),
        LIGHT_CURVES_FITS: (row.fits_path, row.fits_bytes),
    }
    return {
        kind: {**file_in("processed", path), "n_bytes": n_bytes}
        for kind, (path, n_bytes) in named.items()
        if path is not None
    }


def files_of_image(row: AnyRow, products: Files) -> Files:
    """Return an image's files by kind: those in its row, and its `products`.

    A deleted raw file is excluded (`RAW_IS_GONE`).
    """
    raw = None if row.raw_is_gone else row.bucket_path
    paths = {"raw": raw, "processed": row.solved_path}
    own = {bucket: file_in(bucket, path) for bucket, path in paths.items() if path}
    return _in_order({**own, **products})


def files_by_kind(images: Images[ImageFacts]) -> dict[str, list[StoredFile]]:
    """Return the files of all images, in the images' order, for each kind that occurs.

    ``raw`` and ``processed`` are always present, even if no image has such a file.
    """
    files: dict[str, list[StoredFile]] = {kind: [] for kind in IMAGE_PATHS}
    for image in images:
        for kind, file in image["files"].items():
            files.setdefault(kind, []).append(file)
    return _in_order(files)


def product_files(session: Session, images: ColumnElement[bool]) -> dict[str, Files]:
    """Return the files in ``image_files`` by image id and kind, for the selected images.

    If an image has several of a kind, from uploads under several paths, the newest one is used.
    """
    rows = session.execute(
        select(ImageFile.image_id, *FILE_COLUMNS)
        .join(Image, Image.image_id == ImageFile.image_id)
        .where(images, ~is_gone(ImageFile))
        .order_by(ImageFile.updated_at, ImageFile.path)
    ).all()
    found: dict[str, Files] = defaultdict(dict)
    for row in rows:
        found[row.image_id].update(known_file(row))
    return found


def newest_thumbnails(session: Session, sequence_ids: Iterable[str]) -> dict[str, StoredFile]:
    """Return the thumbnail of each sequence's newest image that has one.

    In each sequence, the index finds the newest images, and the first hit ends the search.
    """
    newest = (
        select(*FILE_COLUMNS)
        .join(Image, Image.image_id == ImageFile.image_id)
        .where(Image.sequence_id == Sequence.sequence_id, ImageFile.kind == FileKind.THUMBNAIL)
        .where(ImageFile.bucket.in_(bucket_names().values()))
        .order_by(Image.time.desc(), ImageFile.updated_at.desc())
        .limit(1)
        .lateral()
    )
    rows = session.execute(
        select(Sequence.sequence_id, newest)
        .join(newest, true())
        .where(Sequence.sequence_id.in_(sequence_ids))
    ).all()
    return {row.sequence_id: known_file(row)[FileKind.THUMBNAIL] for row in rows}


def require_file(session: Session, bucket: str, path: str) -> StoredFile:
    """Return the file that is the object `path` of the bucket called `bucket`.

    Only known objects may be sent: a bucket may contain others.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if no row names this object.
    """
    ways = [
        IMAGE_PATHS[bucket] == path,
        (ImageFile.bucket == bucket_names()[bucket]) & (ImageFile.path == path),
    ]
    if bucket == "processed":
        ways.append(Sequence.film_path == path)
        ways.append(LightCurveSet.parquet_path == path)
        ways.append(LightCurveSet.fits_path == path)
    if session.execute(union_all(*(select(literal(1)).where(way) for way in ways))).first() is None:
        raise unknown(f"{bucket} file", path)
    return file_in(bucket, path)


def known_file(row: AnyRow) -> Files:
    """Return a row of ``image_files`` by its kind; empty if its bucket is unknown."""
    calls = {name: bucket for bucket, name in bucket_names().items()}
    if row.bucket not in calls:
        return {}
    return {row.kind: {**file_in(calls[row.bucket], row.path), "n_bytes": row.n_bytes}}


def _in_order(files: Mapping[str, F]) -> dict[str, F]:
    return {kind: files[kind] for kind in KINDS if kind in files}
