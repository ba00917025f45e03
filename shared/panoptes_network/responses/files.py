"""Files of images and observations."""

from panoptes_network.nights.schema import StoredFile

Files = dict[str, StoredFile]
"""Files by kind."""
