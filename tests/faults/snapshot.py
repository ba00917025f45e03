"""All that the network says of the images of a run, without what differs between two good runs."""

import hashlib
from typing import Any

from tests.faults.load import Item
from tests.faults.network import FaultyNetwork

VOLATILE = {
    "image_key", "bucket", "generation", "tries", "claim", "processing_s", "put_off_at",
    "received_at", "updated_at",
}  # fmt: skip
"""Columns of `images` that say when and how often, not what."""

_FILES = "SELECT kind, path, n_bytes FROM image_files WHERE image_id = :id ORDER BY kind"
_SOURCES = """
SELECT sources.* FROM sources JOIN images USING (image_key, time)
WHERE image_id = :id ORDER BY number
"""


def ended(network: FaultyNetwork, items: list[Item]) -> dict[str, tuple[str, str | None]]:
    """Return state and reason code of each image that has ended as it should."""
    found = network.rows("SELECT image_id, state, reason_code FROM images")
    wanted = {item.image_id: (item.state, item.reason) for item in items}
    return {
        row["image_id"]: wanted[row["image_id"]]
        for row in found
        if (row["state"], row["reason_code"]) == wanted.get(row["image_id"])
    }


def has_products(network: FaultyNetwork, items: list[Item]) -> bool:
    """Return whether each good image has all its files."""
    rows = network.rows("SELECT image_id, count(*) AS files FROM image_files GROUP BY image_id")
    files = {row["image_id"]: row["files"] for row in rows}
    good = [item for item in items if item.reason is None]
    return all(files.get(i.image_id, 0) >= (6 if i.path.endswith("cr2") else 2) for i in good)


def image(network: FaultyNetwork, image_id: str) -> dict[str, Any]:
    """Return an image's row, its files, and a digest of all its sources with their pixels."""
    [row] = network.rows("SELECT * FROM images WHERE image_id = :id", id=image_id)
    sources = network.rows(_SOURCES, id=image_id)
    for source in sources:
        del source["image_key"]
    numbers = [source["number"] for source in sources]
    return {
        **{name: value for name, value in row.items() if name not in VOLATILE},
        "files": network.rows(_FILES, id=image_id),
        "is_whole": numbers == list(range(len(numbers)))
        and sum(source["is_detected"] for source in sources) == (row["n_sources"] or 0),
        "sources": hashlib.sha256(repr(sources).encode()).hexdigest(),
    }
