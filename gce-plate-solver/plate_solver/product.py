"""The solved file in its bucket: never written by a worker that has lost its image."""

from dataclasses import dataclass
from pathlib import Path

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import Claim, check_claim
from panoptes_network.database.superseded import solved_path
from panoptes_network.errors import TransientError
from panoptes_network.events import PipelineImage
from panoptes_network.provenance import Origin
from panoptes_network.storage import StoredObject

_CLAIM = "claim"
"""Under it, the object's metadata have the number of the claim that it was written by."""


@dataclass(frozen=True, slots=True)
class Product:
    """Where an image's solved file belongs, and the object that was there before the work."""

    path: str
    before: StoredObject | None


def find_product(image: PipelineImage, sequence_id: str) -> Product:
    """Look up what is in the place of an image's solved file; to be done with the claim taken.

    Raises
    ------
    TransientError
        When storage is away.
    """
    path = solved_path(image.bucket_path, image.image_id, sequence_id)
    return Product(path, storage.find_if_there(settings().processed_bucket, path))


def upload_product(product: Product, solved: Path, image: PipelineImage, claim: Claim) -> None:
    """Write the solved file over exactly what was there before, while the claim is in force.

    A worker that wakes up late finds its claim void, or, where that happens between the look
    and the write, another object than it knew.

    Raises
    ------
    StaleClaimError
        When the image was taken over; the object is then the other's.
    TransientError
        When storage is away, or an object is there that was written meanwhile by somebody
        whose claim was void: the next try knows it, and takes its place.
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
            return  # It did get there; only the answer was lost.
        run_transaction(lambda session: check_claim(session, claim))
        raise


def _metadata(image: PipelineImage, claim: Claim) -> dict[str, str]:
    origin = Origin(image.image_id, image.bucket_path, image.generation)
    return origin.metadata | {_CLAIM: str(claim.number)}
