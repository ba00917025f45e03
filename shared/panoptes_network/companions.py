"""Companion files in the raw bucket: files that units upload beside images."""

from panoptes_network import id_spellings

SUFFIXES = (".jpg", ".jpeg", ".mp4", ".json")
"""Pictures, thumbnails and films made by a unit, and its notes on an observation."""


def is_companion(path: str, size: int | None) -> bool:
    """Return whether an object is a companion file, which the pipeline ignores.

    Companion files are pictures, films and notes in the folders of a unit's images
    (``unit/[field/]camera/…``), and the empty object ``folder/`` by which programs represent a
    folder. If `size` is None, it is unknown, and ``folder/`` is not a companion.
    """
    if path.endswith("/"):
        return size == 0
    unit, *folders = path.split("/")[:-1] or [""]
    is_units = id_spellings.unit(unit) is not None
    has_camera = any(id_spellings.camera(folder) for folder in folders)
    return is_units and has_camera and path.lower().endswith(SUFFIXES)
