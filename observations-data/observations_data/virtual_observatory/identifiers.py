"""IVOA identifiers 2.0 of the network's images.

``ivo://panoptes/solved?PAN001_14d3bd_20181011T134333`` is an image's solved frame,
``ivo://panoptes/raw?…`` the original frame. They are case-insensitive.
"""

import re
from enum import StrEnum

AUTHORITY = "ivo://panoptes"
_DID = re.compile(rf"{AUTHORITY}/(raw|solved)\?([^_]+)_([^_]+)_([^_]+)", re.IGNORECASE)


class Product(StrEnum):
    """Solved or raw frame of an image."""

    RAW = "raw"
    SOLVED = "solved"


def dataset_id(product: Product, image_id: str) -> str:
    """Return the identifier of a frame."""
    return f"{AUTHORITY}/{product}?{image_id}"


def parse_dataset_id(text: str) -> tuple[Product, str] | None:
    """Parse an identifier, None if it is not one of the network's.

    The image id is returned as in the database: unit and ``T`` in capitals, the camera in
    lowercase.
    """
    found = _DID.fullmatch(text)
    if not found:
        return None
    product, unit, camera, time = found.groups()
    return Product(product.lower()), f"{unit.upper()}_{camera.lower()}_{time.upper()}"
