"""The frames of a film, drawn with one stretch; each function runs in a separate process."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from film import film_width
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.mosaic import read_image
from panoptes_network.pictures.caption import with_caption
from panoptes_network.pictures.render import Look, colour_planes, measure_look, render, resize

Shape = tuple[int, int]


def measure(source: Path) -> tuple[Shape, Look]:
    """Return a FITS frame's size (height, width) and its own stretch."""
    mosaic, balance = read_image(source, is_cr2=False)
    height, width = mosaic.shape
    return (height, width), measure_look(colour_planes(mosaic), balance)


def draw(source: Path, shape: Shape, look: Look, left: str, right: str) -> NDArray[np.uint8]:
    """Return a FITS frame as a picture of the film, with its caption.

    The stretch is the film's, so that stars keep their brightness. The sky below it is the frame's
    own, so that moonlight and dawn neither darken the night nor brighten the rest.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8
        With the same even size for all frames of one `shape`.

    Raises
    ------
    PermanentError
        As `read_image`, or WRONG_SHAPE if the frame has another size.
    """
    mosaic, balance = read_image(source, is_cr2=False)
    if mosaic.shape != shape:
        raise PermanentError(Reason.WRONG_SHAPE, "the frame's size differs from its sequence's")
    planes = colour_planes(mosaic)
    picture = render(planes, look.with_sky_of(measure_look(planes, balance)))
    small = Image.fromarray(resize(picture, film_width(picture.shape[1])))
    return np.asarray(with_caption(small, left, right))
