"""The peer of our stretch: that of astropy, after the same paper, on the same planes."""

from functools import cache
from pathlib import Path

import numpy as np
from astropy.visualization import make_lupton_rgb
from numpy.typing import NDArray

from panoptes_network.frames.mosaic import read_image
from panoptes_network.pictures.render import colour_planes

STRETCH = 200
Q = 8


def stretch(source: Path) -> None:
    """Stretch the colours of a CR2, which is decoded once only."""
    sky, colours = _balanced(source)
    # It divides by the light of pixels that have none.
    with np.errstate(invalid="ignore"):
        make_lupton_rgb(*colours, minimum=list(sky), stretch=STRETCH, Q=Q)


@cache
def _balanced(source: Path) -> tuple[tuple[float, ...], NDArray[np.float32]]:
    mosaic, balance = read_image(source, is_cr2=True)
    colours = (
        colour_planes(mosaic).transpose(2, 0, 1) * np.array(balance, np.float32)[:, None, None]
    )
    return tuple(float(np.median(colour)) for colour in colours), colours
