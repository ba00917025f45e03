"""The floor of pictures and films: the encoders, given pictures that are ready; and a peer.

What is ready, and the encoders' options, are noted while our services give them to the same
libraries.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

import imageio_ffmpeg
import numpy as np
import rawpy
from numpy.typing import NDArray
from PIL import Image

Options = Mapping[str, Any]
Picture = NDArray[np.uint8]


def write_pictures(source: Path, folder: Path, ready: Sequence[Path], options: Options) -> None:
    """Decode a CR2, and write pictures that have nothing to do with it."""
    unpack(source)
    for number, file in enumerate(ready):
        save(_picture(file), folder / f"{number}.jpg", options)


def postprocess(source: Path, folder: Path, options: Options) -> None:
    """Write LibRaw's own picture of a CR2, at half its size."""
    with rawpy.imread(str(source)) as raw:
        picture = raw.postprocess(half_size=True, use_camera_wb=True)
    save(Image.fromarray(picture), folder / "peer.jpg", options)


def unpack(source: Path) -> NDArray[np.uint8 | np.uint16]:
    """Let LibRaw decode a CR2."""
    with rawpy.imread(str(source)) as raw:
        return raw.raw_image_visible.copy()


def save(picture: Image.Image, path: Path, options: Options) -> None:
    """Write a picture."""
    picture.save(path, **options)


def encode(film: Path, ready: Sequence[Path], options: Options) -> None:
    """Write a film of pictures."""
    height, width = np.load(ready[0], mmap_mode="r").shape[:2]
    encoder = imageio_ffmpeg.write_frames(str(film), (width, height), **options)
    encoder.send(None)
    for file in ready:
        encoder.send(np.load(file))
    encoder.close()


def note_saved(folder: Path, function: str, arguments: Sequence[Any]) -> tuple[list[Path], Options]:
    """Note what a function saves through Pillow: pictures in `folder`, and the last's options."""
    ready: list[Path] = []
    noted: dict[str, Any] = {}

    def saving(picture: Image.Image, _: Path, kind: str, **options: Any) -> None:
        noted.update(options, format=kind)
        ready.append(_note(np.asarray(picture), folder, len(ready)))

    with patch.object(Image.Image, "save", saving):
        resolve_name(function)(*arguments)
    return ready, noted


def note_filmed(folder: Path, function: str, message: Any) -> tuple[list[Path], Options]:
    """Note what a function sends the encoder: pictures in `folder`, and the options."""
    ready: list[Path] = []
    noted: dict[str, Any] = {}
    film = import_module("film")
    add: Callable[..., None] = film.add_picture

    def adding(encoder: Any, picture: Picture) -> None:
        ready.append(_note(picture, folder, len(ready)))
        add(encoder, picture)

    with patch.object(film, "add_picture", adding):
        resolve_name(function)(message)
    noted.update(
        fps=film.frame_rate(len(ready)),
        codec="libx264",
        pix_fmt_out="yuv420p",
        quality=None,
        macro_block_size=2,
        ffmpeg_log_level="error",
        output_params=list(film.OPTIONS),
    )
    return ready, noted


def _note(picture: Picture, folder: Path, number: int) -> Path:
    path = folder / f"{number:04}.npy"
    np.save(path, picture)
    return path


@cache
def _picture(file: Path) -> Image.Image:
    return Image.fromarray(np.load(file))
