"""The steps from an uploaded file to its products, shared by all converters.

A converter first looks up its products. If they are up to date, it only makes sure that they are
recorded in the database. Otherwise it downloads the file once, converts it in another process, and
replaces exactly the generations that it found. So an event may arrive twice, late, or while another
instance works on the same file.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from sqlalchemy.orm import Session

from panoptes_network import storage
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.files import record_file
from panoptes_network.database.images import find_ids, record_failure
from panoptes_network.database.superseded import files_of, is_superseded, note_superseded
from panoptes_network.errors import PermanentError, Reason, SkippedError
from panoptes_network.events import ImageObject
from panoptes_network.frames.calibration import path_kind, skipped
from panoptes_network.frames.frame import MAX_FRAME_BYTES
from panoptes_network.frames.metadata import identify
from panoptes_network.ids import (
    ObjectPath,
    image_suffix,
    kept_path,
    parse_upload_path,
    replace_suffix,
)
from panoptes_network.processing import isolation
from panoptes_network.processing.workspace import work_folder
from panoptes_network.provenance import Origin
from panoptes_network.states import FileKind
from panoptes_network.storage import StoredObject
from panoptes_network.uploads import find_upload

TIME_LIMIT_S = 60
"""Time limit per file; a full frame takes one to five seconds."""

Convert = Callable[[Path, ObjectPath, Path], None]
"""Makes the products of a file in a folder, each named `Product.ending`."""


@dataclass(frozen=True, slots=True)
class Product:
    """A file made from an image.

    Attributes
    ----------
    ending : str
        The ending of its object path, which replaces the image's suffix.
    content_type : str
        Media type of the object.
    kind : FileKind, optional
        Its kind in the database; None for a file that returns as an upload.
    """

    ending: str
    content_type: str
    kind: FileKind | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded image: its parsed path, and its object."""

    path: ObjectPath
    stored: StoredObject

    def origin(self, options: str = "") -> Origin:
        """Return the origin that its products carry."""
        return Origin(str(self.path.image_id), self.stored.path, self.stored.generation, options)


def find_image(request: ImageObject) -> Upload:
    """Look up the image that a request names.

    Raises
    ------
    PermanentError
        BAD_PATH, BAD_TIME, UNKNOWN_FILE_TYPE, POINTING_IMAGE, the reason of a calibration
        frame, OBJECT_MISSING, TOO_LARGE or BAD_REQUEST.
    TransientError
        If storage or database is unavailable.
    """
    path = _kept_path(request.bucket_path)
    if path.is_pointing:
        raise SkippedError(Reason.POINTING_IMAGE, "no products are made from pointing images")
    if (kind := path_kind(request.bucket_path)) is not None:
        raise skipped(kind)
    stored = find_upload(request.bucket_path, request.bucket, request.wanted_generation)
    return Upload(path, stored)


def _kept_path(bucket_path: str) -> ObjectPath:
    """Return an image's canonical path; if the path has no ids, as it is recorded."""
    try:
        return parse_upload_path(bucket_path)
    except PermanentError as error:
        if error.reason is Reason.BAD_TIME:
            raise
        ids = run_transaction(lambda session: find_ids(session, bucket_path))
        if ids is None:
            raise
    return kept_path(bucket_path, *ids)


def find_cr2(request: ImageObject) -> Upload:
    """Look up the camera raw file that a request names; see `find_image`."""
    if image_suffix(request.bucket_path) != ".cr2":
        raise PermanentError(Reason.UNKNOWN_FILE_TYPE, "the file name must end in .cr2")
    return find_image(request)


class Conversion(TypedDict):
    """Result of a conversion, and the paths of the products."""

    image_id: str | None
    made: bool
    bucket: NotRequired[str]
    paths: NotRequired[list[str]]
    kept: NotRequired[str]
    made_from: NotRequired[str]
    superseded: NotRequired[bool]


def make_products(
    upload: Upload,
    products: Sequence[Product],
    convert: Convert,
    service: str,
    bucket: str,
    *,
    options: str = "",
) -> Conversion:
    """Make the missing products of an image, and return those that exist now.

    Nothing is made from an upload that a newer one in another folder has superseded.

    Parameters
    ----------
    upload : Upload
        The image.
    products : sequence of Product
        The products that `convert` makes.
    convert : callable
        A module-level function, or a `partial` of one: it runs in another process.
    service : str
        The service that records a failure.
    bucket : str
        Bucket for the products.
    options : str
        The requested options in canonical form; empty if there are none.

    Raises
    ------
    PermanentError
        If the file cannot be converted; the reason is recorded first.
    TransientError
        If storage or database is unavailable, or another process has written a product meanwhile.
    """
    origin = upload.origin(options)
    paths = {product: replace_suffix(upload.path.path, product.ending) for product in products}
    ours = [path for product, path in paths.items() if product.kind]
    if run_transaction(lambda session: _is_left(session, origin, bucket, ours)):
        return {"image_id": upload.path.image_id, "made": False, "superseded": True}
    there = {product: storage.find_if_there(bucket, path) for product, path in paths.items()}
    wanted = [product for product in products if _is_due(there[product], origin)]
    if wanted:
        with recorded_failures(upload, service), work_folder() as folder:
            _convert(upload, convert, folder)
            for product in wanted:
                there[product] = _upload(product, folder, bucket, paths, there, origin)
    _record(there)
    return {
        "image_id": upload.path.image_id,
        "made": bool(wanted),
        "bucket": bucket,
        "paths": list(paths.values()),
    }


@contextmanager
def recorded_failures(upload: Upload, service: str) -> Iterator[None]:
    """Record why an image cannot be converted, then raise the error again."""
    try:
        yield
    except PermanentError as error:
        # A file that was overwritten meanwhile is no failure: the newer one has its own event.
        if error.reason is not Reason.OBJECT_MISSING:
            refusal, identity = error, identify(upload.path, {})
            run_transaction(
                lambda session: record_failure(session, refusal, service, identity, upload.stored)
            )
        raise


def record_cr2(upload: Upload) -> None:
    """Record that an image has this camera raw file."""
    run_transaction(
        lambda session: record_file(session, FileKind.CR2, upload.stored, upload.origin())
    )


def _is_left(session: Session, origin: Origin, bucket: str, products: list[str]) -> bool:
    """Return whether an upload was superseded; if so, note its products, which may exist."""
    left = is_superseded(origin, *files_of(session, origin.image_id))
    if left:
        note_superseded(session, bucket, products, origin.image_id)
    return left


def _is_due(there: StoredObject | None, origin: Origin) -> bool:
    """Return whether a product is missing or from an older file; a foreign object stays."""
    if there is None:
        return True
    known = Origin.of(there)
    return known is not None and known.gives_way_to(origin)


def _convert(upload: Upload, convert: Convert, folder: Path) -> None:
    source = folder / "source"
    storage.download(upload.stored, source, MAX_FRAME_BYTES)
    isolation.run(convert, TIME_LIMIT_S, source, upload.path, folder)


def _upload(
    product: Product,
    folder: Path,
    bucket: str,
    paths: dict[Product, str],
    there: dict[Product, StoredObject | None],
    origin: Origin,
) -> StoredObject:
    before = there[product]
    return storage.upload(
        bucket,
        paths[product],
        folder / product.ending,
        origin.metadata,
        content_type=product.content_type,
        over_generation=before.generation if before else 0,
    )


def _record(there: dict[Product, StoredObject | None]) -> None:
    """Record the existing products, from any file and any maker."""
    known = [(product.kind, stored, Origin.of(stored)) for product, stored in there.items()]

    def work(session: Session) -> None:
        for kind, stored, origin in known:
            if kind and stored and origin:
                record_file(session, kind, stored, origin)

    run_transaction(work)
