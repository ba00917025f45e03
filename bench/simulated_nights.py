"""Simulated nights of one field, with the truth of every star beside the frames."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from panoptes_network.light_curves import COLOURS
from simulator.truth import Truth
from simulator.variables import Kind

SIZE = (1400, 1200)
FRAMES = 144
FAINTEST_MAG = 13.5
TRANSITS, ECLIPSING, PULSATING = 60, 3, 5

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


def render_command(folder: Path, preset: str, seed: int, frames: int, depth: float) -> list[str]:
    """Return the command that renders a night into `folder`."""
    options = {
        "night": preset,
        "seed": seed,
        "count": frames,
        "transits": TRANSITS,
        "transit-depth": depth,
        "eclipsing": ECLIPSING,
        "pulsating": PULSATING,
        "catalog-csv": folder / "catalog.csv",
    }
    named = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    size = ["--size", *map(str, SIZE)]
    return [sys.executable, "-m", "simulator", "render", str(folder), *size, *named]


def render(folder: Path, preset: str, seed: int, frames: int, depth: float) -> None:
    """Render a night into `folder`, where it is not there yet."""
    done = folder / "done"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = render_command(folder, preset, seed, frames, depth)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    done.touch()


def read_truth(folder: Path) -> NightTruth:
    """Read the truth beside the frames of a folder, of stars that get light curves."""
    truths = [Truth.read(path) for path in sorted(folder.rglob("*.truth.fits"))]
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
