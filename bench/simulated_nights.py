"""Simulated nights of one field, with the truth of every star beside the frames."""

import argparse
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from panoptes_network.light_curves.schema import COLOURS
from simulator.frame import truth_path
from simulator.truth import Truth
from simulator.variables import Kind

SIZE = (1400, 1200)
FRAMES = 144
FAINTEST_MAG = 13.5
TRANSITS, ECLIPSING, PULSATING = 60, 3, 5
PERIOD_D = 1.02
"""Of the transits of several nights: each has one in every night, an hour later in the third."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class NightTruth:
    """What really happened in one night to the n stars that are on every frame.

    Attributes
    ----------
    star_id : ndarray, shape (n,), int64
        Sorted.
    mag : ndarray, shape (n,), float64
        Gaia G.
    is_saturated : ndarray, shape (n,), bool
        On any frame.
    is_constant : ndarray, shape (n,), bool
    flux_adu : ndarray, shape (n, frames, 3), float64
        Light of each colour, as if every pixel had it.
    variables : Table
        The stars that change; see `simulator.truth.Truth`.
    """

    star_id: NDArray[np.int64]
    mag: Float64
    is_saturated: NDArray[np.bool_]
    is_constant: NDArray[np.bool_]
    flux_adu: Float64
    variables: Table

    @property
    def transits(self) -> Table:
        """Rows of `variables` that are transits of stars on every frame."""
        is_transit = self.variables["kind"] == Kind.TRANSIT.value
        return self.variables[is_transit & np.isin(self.variables["id"], self.star_id)]


@dataclass(frozen=True)
class Nights:
    """Nights of one field to be rendered.

    Attributes
    ----------
    preset : str
        ``clean`` or ``realistic``.
    seed, frames, nights : int
        `frames` in each of the `nights`.
    depth : float
        Of the transits.
    """

    preset: str
    seed: int
    frames: int
    depth: float
    nights: int

    @property
    def name(self) -> str:
        """Name of the folder that has them."""
        words = (self.preset, self.seed, self.frames, self.depth, self.nights)
        return "-".join(map(str, words))

    def command(self, folder: Path) -> list[str]:
        """Return the command that renders them into `folder`."""
        options = {
            "night": self.preset,
            "seed": self.seed,
            "count": self.frames,
            "nights": self.nights,
            "transits": TRANSITS,
            "transit-depth": self.depth,
            "eclipsing": ECLIPSING,
            "pulsating": PULSATING,
            "catalog-csv": folder / "catalog.csv",
            **({"transit-period": PERIOD_D} if self.nights > 1 else {}),
        }
        named = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        size = ["--size", *map(str, SIZE)]
        return [sys.executable, "-m", "simulator", "render", str(folder), *size, *named]

    def render(self, folder: Path) -> None:
        """Render them into `folder`, where they are not there yet."""
        done = folder / "done"
        if done.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(self.command(folder), check=True, stdout=subprocess.DEVNULL)
        done.touch()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the seed, the frames of each night, and the folder that keeps them."""
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--frames", type=int, default=FRAMES, help="of each night")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "panoptes-nights",
        help="keeps rendered nights",
    )


def last_night(folder: Path, frames: int) -> list[Path]:
    """Return the frames of the last night in a folder, in the order of time."""
    return sorted(folder.rglob("*.fits.fz"))[-frames:]


def read_truth(frames: Sequence[Path]) -> NightTruth:
    """Read the truth beside the frames of a night, of stars that get light curves."""
    truths = [Truth.read(truth_path(path)) for path in frames]
    stars = [truth.stars[truth.stars["gaia_mag"] < FAINTEST_MAG] for truth in truths]
    ids, count = np.unique(np.concatenate([table["id"] for table in stars]), return_counts=True)
    always = ids[count == len(stars)]
    order = [np.argsort(table["id"])[np.isin(np.sort(table["id"]), always)] for table in stars]
    of_frames = [table[rows] for table, rows in zip(stars, order, strict=True)]
    variables = truths[0].variables
    return NightTruth(
        star_id=np.asarray(always, np.int64),
        mag=np.asarray(of_frames[0]["gaia_mag"], np.float64),
        is_saturated=np.any([table["saturated"] for table in of_frames], axis=0),
        is_constant=~np.isin(always, variables["id"]),
        flux_adu=np.stack([_fluxes(table) for table in of_frames], axis=1),
        variables=variables,
    )


def _fluxes(stars: Table) -> Float64:
    return np.stack([stars[f"flux_{colour}_adu"] for colour in COLOURS], axis=-1)
