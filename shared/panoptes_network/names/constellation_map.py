"""The constellations on the sky: which one a direction is in, their boundaries, their lines.

The boundaries are the IAU's (Delporte 1930) as tabulated by Roman (1987, PASP 99, 695); they follow
meridians and parallels of the equinox B1875. Directions are unit vectors, ICRS.
"""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from panoptes_network.names.tables import constellations, table_rows
from panoptes_network.sky.directions import unit_vectors

Float64 = NDArray[np.float64]

STEP_DEG = 0.5
"""Greatest distance of neighbouring points of a line: straight in any picture."""
_TO_B1875 = np.array(
    [
        [0.999535928, 0.0279352359, 0.0121470635],
        [-0.0279352349, 0.999609721, -0.000169792795],
        [-0.0121470659, -0.000169617072, 0.999926207],
    ]
)
"""Frame bias and precession from ICRS to the mean equinox B1875: ERFA's pmat06."""


def constellations_at(directions: Float64) -> list[str]:
    """Return the abbreviation of the constellation that each direction is in."""
    x, y, z = _TO_B1875 @ directions.T
    hours = np.degrees(np.arctan2(y, x)) % 360 / 15
    cells, ra_edges, dec_edges = _cells()
    column = np.searchsorted(ra_edges, hours, side="right") - 1
    row = np.searchsorted(dec_edges, np.degrees(np.arcsin(z.clip(-1, 1))), side="right") - 1
    row = row.clip(0, len(dec_edges) - 2)
    known = [each.abbreviation for each in constellations()]
    return [known[index] for index in cells[row, column]]


@cache
def boundaries() -> tuple[Float64, ...]:
    """Return the boundaries between constellations: directions along each piece."""
    return tuple(unit_vectors(*np.array(piece).T) @ _TO_B1875 for piece in _pieces())


@cache
def lines() -> tuple[Float64, ...]:
    """Return the lines that join the stars of constellations: directions along each line."""
    found = []
    for _, points in table_rows("constellation_lines.csv.gz"):
        places = np.array([point.split() for point in points.split("|")], dtype=np.float64)
        found.append(_along(unit_vectors(*places.T)))
    return tuple(found)


@cache
def _cells() -> tuple[NDArray[np.int64], Float64, Float64]:
    """Return the constellation of each cell between the edges of all areas, and these edges.

    Edges are hours and degrees at B1875; a cell's first index is that of its southern edge.
    """
    areas = [
        (float(first), float(last), float(south), abbreviation)
        for first, last, south, abbreviation in table_rows("constellation_areas.csv.gz")
    ]
    number = {each.abbreviation: index for index, each in enumerate(constellations())}
    ra_edges = np.unique([edge for first, last, *_ in areas for edge in (first, last)])
    dec_edges = np.unique([90.0, *(south for _, _, south, _ in areas)])
    cells = np.zeros((len(dec_edges) - 1, len(ra_edges) - 1), dtype=np.int64)
    # A direction is in the first area of the table that has it, so that the first is drawn last.
    for first, last, south, abbreviation in reversed(areas):
        columns = slice(*np.searchsorted(ra_edges, [first, last]))
        cells[np.searchsorted(dec_edges, south) :, columns] = number[abbreviation]
    return cells, ra_edges, dec_edges


def _pieces() -> Iterator[list[tuple[float, float]]]:
    """Yield the boundaries' pieces: right ascensions and declinations at B1875, degrees."""
    cells, ra_edges, dec_edges = _cells()
    ra_edges_deg = 15 * ra_edges
    for row, dec_deg in enumerate(dec_edges[1:-1]):
        for first, last in _runs(cells[row] != cells[row + 1]):
            ends = ra_edges_deg[first], ra_edges_deg[last]
            yield [(ra_deg, dec_deg) for ra_deg in _spread(*ends)]
    for column, ra_deg in enumerate(ra_edges_deg[:-1]):
        for first, last in _runs(cells[:, column - 1] != cells[:, column]):
            ends = dec_edges[first], dec_edges[last]
            yield [(ra_deg, dec_deg) for dec_deg in _spread(*ends)]


def _runs(differs: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the ends of the runs of True."""
    padded = np.concatenate([[False], differs, [False]])
    changes = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    yield from zip(changes[::2], changes[1::2], strict=True)


def _spread(start: float, end: float) -> list[float]:
    spread: list[float] = np.linspace(start, end, _steps(end - start)).tolist()
    return spread


def _along(corners: Float64) -> Float64:
    """Return directions along the great circles through the corners."""
    pieces = [corners[:1]]
    for start, end in pairwise(corners):
        angle = np.arccos(np.clip(start @ end, -1, 1))
        part = np.linspace(0, 1, _steps(np.degrees(angle)))[1:, None]
        pieces.append(np.sin((1 - part) * angle) * start + np.sin(part * angle) * end)
        pieces[-1] /= np.sin(angle)
    return np.concatenate(pieces)


def _steps(length_deg: float) -> int:
    return int(np.ceil(length_deg / STEP_DEG)) + 1
