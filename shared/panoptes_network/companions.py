"""What lies beside images in the raw bucket and is no image: files that units write with them."""

from panoptes_network import id_spellings

SUFFIXES = (".jpg", ".jpeg", ".mp4", ".json")
"""Pictures, thumbnails and films that a unit makes itself, and its notes of an observation."""


def is_companion(path: str, size: int | None) -> bool:
    """Return whether an object is known to be no image, and is left alone.

    That is a picture, a film or a note in the folders that images of a unit lie in
    (``unit/[field/]camera/…``), and the empty object ``folder/`` by which programs show a
    folder. A `size` of None is unknown: such a ``folder/`` is none.
    """
    if path.endswith("/"):
        return size == 0
    unit, *folders = path.split("/")[:-1] or [""]
    is_units = id_spellings.unit(unit) is not None
    has_camera = any(id_spellings.camera(folder) for folder in folders)
    return is_units and has_camera and path.lower().endswith(SUFFIXES)
