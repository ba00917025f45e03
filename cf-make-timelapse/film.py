"""Encoding of frames as a film: H.264 in MP4, which every browser plays."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from panoptes_network.errors import TransientError

MAX_WIDTH = 1920
QUALITY = "20"
"""x264's constant rate factor: lower is better; at 20 a star field shows no blocks."""
OPTIONS = [
    "-preset", "medium",
    # Frames of lookahead, kept in memory: the default of 40 gives a file of the same size.
    "-rc-lookahead", "10",
    "-crf", QUALITY,
    "-movflags", "+faststart",  # index first, so that playback starts before the download ends
    "-map_metadata", "-1",
]  # fmt: skip

Picture = NDArray[np.uint8]


def film_width(width: int) -> int:
    """Return the width of a film from the width of its pictures: even, as the encoder requires."""
    return min(MAX_WIDTH, max(2, width // 2 * 2))


def frame_rate(frames: int) -> int:
    """Return frames per second: short sequences last a while, and nights do not last minutes."""
    return min(max(frames // 10, 2), 12)


@contextmanager
def open_film(path: Path, size: tuple[int, int], rate: int) -> Iterator[Callable[[Picture], None]]:
    """Open a film for writing; yield a function that adds a picture. Closed after the block.

    Parameters
    ----------
    path : Path
        Of the MP4 file.
    size : tuple of int
        Height and width of all pictures, both even.
    rate : int
        Pictures a second.
    """
    # Not by the library's own writer: it runs code between fork and exec, where the threads of a
    # gRPC client in this process keep the encoder from starting.
    height, width = size
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate)]
    target = ["-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", *OPTIONS, str(path)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *source, "-i", "-", *target]
    with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0) as encoder:
        try:
            yield partial(add_picture, encoder)
        except BaseException:
            encoder.kill()
            raise
    if encoder.returncode:
        raise TransientError(f"the film's encoder failed with status {encoder.returncode}")


def add_picture(encoder: subprocess.Popen[bytes], picture: Picture) -> None:
    """Pass a picture to the encoder; TransientError if it has ended."""
    if encoder.stdin is None:
        raise TypeError("the encoder takes its pictures from a pipe")
    try:
        encoder.stdin.write(np.ascontiguousarray(picture).tobytes())
    except BrokenPipeError as error:
        raise TransientError("the film's encoder has ended early") from error
