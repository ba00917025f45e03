"""What the network's images are called in the Virtual Observatory: IVOA identifiers 2.0.

``ivo://panoptes/solved?PAN001_14d3bd_20181011T134333`` is the solved frame of an image,
``ivo://panoptes/raw?…`` the frame as it was taken. They compare without regard to case.
"""

import re
from enum import StrEnum

AUTHORITY = "ivo://panoptes"
_DID = re.compile(rf"{AUTHORITY}/(raw|solved)\?([^_]+)_([^_]+)_([^_]+)", re.IGNORECASE)


class Product(StrEnum):
    """Which frame of an image is meant."""

    RAW = "raw"
    SOLVED = "solved"


def dataset_id(product: Product, image_id: str) -> str:
    """Return the identifier of a frame."""
    return f"{AUTHORITY}/{product}?{image_id}"


def parse_dataset_id(text: str) -> tuple[Product, str] | None:
    """Return what an identifier means, None where it is none of ours.

    The image's id comes back as the database has it: unit and ``T`` in capitals, the camera in
    small letters.
    """
    found = _DID.fullmatch(text)
    if not found:
        return None
    product, unit, camera, time = found.groups()
    return Product(product.lower()), f"{unit.upper()}_{camera.lower()}_{time.upper()}"
