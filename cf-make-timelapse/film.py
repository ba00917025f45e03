"""Frames become a film: H.264 in MP4, which every browser plays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

MOST_WIDTH = 1920
QUALITY = "20"
"""Of x264's constant rate factor: lower is better; at 20 a star field shows no blocks."""
_ENCODER_TIMEOUT_S = 120
_OPTIONS = [
    "-preset", "medium",
    # Frames that it looks ahead, and keeps in memory: 40 unasked, for a file of the same size.
    "-rc-lookahead", "10",
    "-crf", QUALITY,
    "-movflags", "+faststart",  # the index before the pictures: it plays before it is all there
    "-map_metadata", "-1",
]  # fmt: skip

Picture = NDArray[np.uint8]


def film_width(width: int) -> int:
    """Return how wide a film of pictures of this width is: even, as the encoder asks for."""
    return min(MOST_WIDTH, max(2, width // 2 * 2))


def frame_rate(frames: int) -> int:
    """Return frames a second: a short sequence is not over at once, a night takes no minutes."""
    return min(max(frames // 10, 2), 12)


@contextmanager
def open_film(path: Path, size: tuple[int, int], rate: int) -> Iterator[Callable[[Picture], None]]:
    """Write a film; yield what adds a picture to it. It is whole when the block has ended.

    Parameters
    ----------
    path : Path
        Of the MP4 file.
    size : tuple of int
        Height and width of all pictures, both even.
    rate : int
        Pictures a second.
    """
    height, width = size
    encoder = imageio_ffmpeg.write_frames(
        str(path),
        (width, height),
        fps=rate,
        codec="libx264",
        pix_fmt_out="yuv420p",
        quality=None,
        macro_block_size=2,
        ffmpeg_log_level="error",
        ffmpeg_timeout=_ENCODER_TIMEOUT_S,
        output_params=_OPTIONS,
    )
    encoder.send(None)
    try:
        yield lambda picture: encoder.send(np.ascontiguousarray(picture))
    finally:
        encoder.close()
