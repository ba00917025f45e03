"""From an uploaded file to the products made of it: the steps that all converters share.

A converter looks its products up first. Where they are of this file already, it only makes sure
that the database knows them; else it downloads the file once, converts it in another process,
and uploads each product over exactly what it had found. So an event may come twice, late, or
while another instance works on the same file.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
"""For one file; a full frame takes one to five seconds."""

Convert = Callable[[Path, ObjectPath, Path], None]
"""Makes the products of a file, in a folder, each under the name `Product.ending`."""


@dataclass(frozen=True, slots=True)
class Product:
    """A file that is made of an image.

    Attributes
    ----------
    ending : str
        What its object path has in the place of the image's suffix.
    content_type : str
        Media type, as the bucket keeps it.
    kind : FileKind, optional
        Under which the database knows it; None for what comes back in as an upload.
    """

    ending: str
    content_type: str
    kind: FileKind | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded image: its path taken apart, and its object."""

    path: ObjectPath
    stored: StoredObject

    def origin(self, options: str = "") -> Origin:
        """Return what its products carry as theirs."""
        return Origin(str(self.path.image_id), self.stored.path, self.stored.generation, options)


def find_image(request: ImageObject) -> Upload:
    """Look up the image that a request means.

    Raises
    ------
    PermanentError
        BAD_PATH, BAD_TIME, UNKNOWN_FILE_TYPE, POINTING_IMAGE, the reason of a calibration
        frame, OBJECT_MISSING, TOO_LARGE or BAD_REQUEST.
    TransientError
        When storage or database is away.
    """
    path = _kept_path(request.bucket_path)
    if path.is_pointing:
        raise SkippedError(Reason.POINTING_IMAGE, "nothing is made of a pointing image")
    if (kind := path_kind(request.bucket_path)) is not None:
        raise skipped(kind)
    stored = find_upload(request.bucket_path, request.bucket, request.wanted_generation)
    return Upload(path, stored)


def _kept_path(bucket_path: str) -> ObjectPath:
    """Return the path of an image as it is kept; where its own says no ids, as it is recorded."""
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
    """Look up the camera raw file that a request means; see `find_image`."""
    if image_suffix(request.bucket_path) != ".cr2":
        raise PermanentError(Reason.UNKNOWN_FILE_TYPE, "the file is not a .cr2")
    return find_image(request)


def make_products(
    upload: Upload,
    products: Sequence[Product],
    convert: Convert,
    service: str,
    bucket: str,
    *,
    options: str = "",
) -> dict[str, Any]:
    """Make the products of an image that are not there yet, and say what is there now.

    Nothing is made of an upload that a newer one in another folder has superseded.

    Parameters
    ----------
    upload : Upload
        The image.
    products : sequence of Product
        What `convert` makes.
    convert : callable
        A function of a module, or a `partial` of one: it runs in another process.
    service : str
        Who records a failure.
    bucket : str
        Where the products go.
    options : str
        Those that were asked for, in one writing; empty where none were.

    Raises
    ------
    PermanentError
        When the file cannot be converted; the reason is recorded before.
    TransientError
        When storage or database is away, or somebody else has written a product meanwhile.
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
    """Record why an image cannot be converted, then raise it further."""
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
    """Return whether an upload was superseded; its products, which may be there, are noted then."""
    left = is_superseded(origin, *files_of(session, origin.image_id))
    if left:
        note_superseded(session, bucket, products, origin.image_id)
    return left


def _is_due(there: StoredObject | None, origin: Origin) -> bool:
    """Return whether a product is missing or of an older file; a stranger's object stays."""
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
    """Record the products that are there, whoever made them and of whatever file."""
    known = [(product.kind, stored, Origin.of(stored)) for product, stored in there.items()]

    def work(session: Any) -> None:
        for kind, stored, origin in known:
            if kind and stored and origin:
                record_file(session, kind, stored, origin)

    run_transaction(work)
