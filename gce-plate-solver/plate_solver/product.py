"""The solved file in its bucket: never written by a worker that has lost its image."""

from dataclasses import dataclass
from pathlib import Path

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import Claim, check_claim
from panoptes_network.database.superseded import solved_path
from panoptes_network.errors import TransientError
from panoptes_network.events import PipelineImage
from panoptes_network.provenance import Origin
from panoptes_network.storage import StoredObject

_CLAIM = "claim"
"""Metadata key of the object, with the number of the claim that wrote it."""


@dataclass(frozen=True, slots=True)
class Product:
    """The path of an image's solved file, and the object that existed before the work."""

    path: str
    before: StoredObject | None


def find_product(image: PipelineImage, sequence_id: str) -> Product:
    """Look up the current object at the solved file's path; call this once the claim is taken.

    Raises
    ------
    TransientError
        If storage is unavailable.
    """
    path = solved_path(image.bucket_path, image.image_id, sequence_id)
    return Product(path, storage.find_if_there(settings().processed_bucket, path))


def upload_product(product: Product, solved: Path, image: PipelineImage, claim: Claim) -> None:
    """Upload the solved file over exactly the earlier object, while the claim is valid.

    A worker that resumes late finds its claim void or, if that happens between check and upload, an
    object that it does not know.

    Raises
    ------
    StaleClaimError
        If the image was taken over; the object is then the other worker's.
    TransientError
        If storage is unavailable, or a worker with a void claim wrote an object meanwhile: the next
        attempt knows it and replaces it.
    """
    run_transaction(lambda session: check_claim(session, claim))
    bucket = settings().processed_bucket
    metadata = _metadata(image, claim)
    generation = product.before.generation if product.before else 0
    try:
        storage.upload(bucket, product.path, solved, metadata, over_generation=generation)
    except TransientError:
        there = storage.find_if_there(bucket, product.path)
        if there and there.metadata == metadata:
            return  # The upload succeeded; only the response was lost.
        run_transaction(lambda session: check_claim(session, claim))
        raise


def _metadata(image: PipelineImage, claim: Claim) -> dict[str, str]:
    origin = Origin(image.image_id, image.bucket_path, image.generation)
    return origin.metadata | {_CLAIM: str(claim.number)}
