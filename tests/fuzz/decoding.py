"""What the process that decodes CR2 files is asked to do; it imports nothing but the decoder."""

from pathlib import Path

from panoptes_network.frames.cr2.pixels import read_mosaic


def decode(path: Path) -> tuple[str, tuple[int, ...]]:
    """Return type and shape of a CR2's pixels."""
    mosaic = read_mosaic(path)
    return str(mosaic.dtype), mosaic.shape
