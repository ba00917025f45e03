"""Light curves of the same frames by astrowisp and autowisp, the pipeline for colour cameras.

Penev et al. 2025, arXiv 2507.14289. Its engine is GPL-3, so it is neither imported nor shipped: a
virtual environment in ``build/`` has it, and `peer_astrowisp` runs there, talking by files.

``python bench/light_curve_peer.py NIGHT`` measures a folder of simulated frames with their truth.
"""

import argparse
import json
import subprocess
import venv
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import services  # noqa: F401 - first: it leads to the services' packages
import table
from astropy.io import fits
from numpy.typing import NDArray
from served_light_curves import scatter

from panoptes_network.frames.bayer import BLACK_LEVEL_ADU, GAIN_E_PER_ADU, READ_NOISE_ADU
from simulator.optics import CORE_SIGMA_PX, PSF_WEIGHTS, WING_SIGMA_PX
from simulator.truth import Truth

PACKAGES = ("astrowisp==2.0.1", "autowisp==2.3.0")
ENVIRONMENT = Path(__file__).parents[1] / "build" / "peer-astrowisp"
SCRIPT = Path(__file__).with_name("peer_astrowisp.py")
CHANNELS = {"R": (0, 1), "G1": (1, 1), "G2": (0, 0), "B": (1, 0)}
"""x and y of each channel's first pixel."""
COLOURS = ("R", "G", "B")
SMALLEST_SCATTER = 1e-6
COLOUR_CHANNELS = ((0,), (1, 2), (3,))
COLOUR_SHARE = np.array([0.25, 0.5, 0.25])
"""Share of the pixels that see each colour."""
FAINTEST_CURVE = 11.0
FAINTEST_NEIGHBOUR = 12.0
MAGNITUDES = ((9.0, 9.5), (9.5, 10.0), (10.0, 10.5), (10.5, 11.0))
STAGES = ("magfit", "epd", "tfa")
Floats = NDArray[np.float64]


@contextmanager
def _quiet() -> Iterator[None]:
    """Say nothing of curves that are NaN throughout: the star is off all frames, or not fitted."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        yield


@dataclass(frozen=True, slots=True)
class FrameStars:
    """The stars that the peer is given for one frame, m of them.

    Attributes
    ----------
    path : Path
        The raw frame, FITS, plain or compressed.
    airmass : float
        At the middle of the field.
    star : ndarray, shape (m,), int64
        Ids, the same star the same in all frames.
    x_px, y_px : ndarray, shape (m,), float64
        Mosaic pixels, 0-based, from the plate solution or the simulator's truth.
    gaia_mag : ndarray, shape (m,), float64
        The magnitude by which stars are chosen.
    is_usable : ndarray, shape (m,), bool
        Not saturated.
    """

    path: Path
    airmass: float
    star: NDArray[np.int64]
    x_px: Floats
    y_px: Floats
    gaia_mag: Floats
    is_usable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PeerLightCurves:
    """What the peer found for n stars in f frames.

    Attributes
    ----------
    star : ndarray, shape (n,), int64
        Ids, ascending: stars that are usable and brighter than G 11.
    flux : dict of ndarray, shape (n, f, 3), float64
        For each of ``magfit`` (ensemble), ``epd`` and ``tfa``: flux over the star's median in R,
        G, B; both greens together, weighted by their inverse variance. NaN: not measured.
    combined : dict of ndarray, shape (n, f), float64
        The three colours together, weighted by their inverse variance.
    photometry : ndarray, shape (n, 4), str
        Which way of measuring scatters least in R, G1, G2, B: ``shape`` or ``aperture 1.6`` …,
        whose radius is in pixels of one channel, two mosaic pixels each.
    """

    star: NDArray[np.int64]
    flux: dict[str, Floats]
    combined: dict[str, Floats]
    photometry: NDArray[np.str_]


def peer_light_curves(
    frames: Sequence[FrameStars], shape: str = "zero", processes: int = 1
) -> PeerLightCurves:
    """Measure `frames` by astrowisp and autowisp, in a process of their own.

    Parameters
    ----------
    frames : sequence of FrameStars, length f
        In the order of time; all of one size, at least 20: with fewer, EPD and TFA overfit or fail.
    shape : {"psf", "zero"}
        ``psf``: the shape of the stars is fitted, and its flux is one of the photometries.
        ``zero``: apertures alone, several times faster.
    processes : int
        How many measure frames at once.

    Returns
    -------
    PeerLightCurves
        n may be 0.

    Raises
    ------
    subprocess.CalledProcessError
        The environment could not be made (the package index must be within reach the first time),
        or the peer failed; its own words are on standard error.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write_input(folder, frames)
        options = ["--shape", shape, "--processes", str(processes)]
        output = folder / "out.npz"
        command = [str(peer_python()), str(SCRIPT), str(folder), str(output), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # astrowisp tells its steps
        with np.load(output) as found:
            return _read_output(dict(found))


def peer_python() -> Path:
    """Return the Python that has the peer's packages; makes its environment the first time."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / "complete"
    if not done.exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.touch()
    return python


def _write_input(folder: Path, frames: Sequence[FrameStars]) -> None:
    camera = {
        "black_adu": BLACK_LEVEL_ADU,
        "gain_e_per_adu": GAIN_E_PER_ADU,
        "read_noise_adu": READ_NOISE_ADU,
        "faintest_curve_mag": FAINTEST_CURVE,
        "channels": CHANNELS,
    }
    (folder / "camera.json").write_text(json.dumps(camera))
    for number, frame in enumerate(frames):
        np.savez(
            folder / f"{number:04}.npz",
            path=str(frame.path.absolute()),
            airmass=frame.airmass,
            id=frame.star,
            x=frame.x_px,
            y=frame.y_px,
            gaia_mag=frame.gaia_mag,
            usable=frame.is_usable,
        )


@_quiet()
def _read_output(found: dict[str, NDArray[np.generic]]) -> PeerLightCurves:
    flux, combined = {}, {}
    for stage in STAGES:
        magnitude = np.asarray(found[stage], np.float64).transpose(1, 0, 2)
        relative = 10 ** (-0.4 * (magnitude - np.nanmedian(magnitude, axis=1, keepdims=True)))
        colours = [inverse_variance_mean(relative[..., list(own)]) for own in COLOUR_CHANNELS]
        flux[stage] = np.stack(colours, axis=-1)
        combined[stage] = inverse_variance_mean(flux[stage])
    photometry = np.asarray(found["photometries"], np.str_)[np.asarray(found["photometry"], int)]
    return PeerLightCurves(np.asarray(found["id"], np.int64), flux, combined, photometry)


def inverse_variance_mean(flux: Floats) -> Floats:
    """Combine the last axis of (n, f, k) by each curve's own scatter; NaN is left out."""
    own = scatter(flux.transpose(0, 2, 1))[:, None, :]
    weight = np.isfinite(flux) / np.maximum(own, SMALLEST_SCATTER) ** 2
    total = np.nansum(weight, axis=-1)
    mean: Floats = np.nansum(weight * flux, axis=-1) / np.where(total > 0, total, np.nan)
    return mean


def photon_limit(flux_adu: Floats, sky_adu: Floats) -> Floats:
    """Return the smallest relative error that any circular aperture of one frame can have.

    Parameters
    ----------
    flux_adu : ndarray, shape (n, 3)
        Whole light of each star, as if every pixel were of that colour.
    sky_adu : ndarray, shape (3,)
        Sky of a pixel of each colour, without the black level.

    Returns
    -------
    ndarray, shape (n, 4)
        R, G, B, and the three combined: photons of star and sky, and read noise, over the star's
        light in the aperture, at the radius (1 to 8 px) where it is least; the simulator's PSF.
    """
    radius = np.arange(1, 8.01, 0.25)
    limits = []
    for number, colour in enumerate(COLOURS):
        sigma = np.array([CORE_SIGMA_PX[colour], *WING_SIGMA_PX])
        inside = PSF_WEIGHTS @ (1 - np.exp(-(radius**2) / (2 * sigma[:, None] ** 2)))
        light = flux_adu[:, number, None] * COLOUR_SHARE[number] * inside
        pixels = np.pi * radius**2 * COLOUR_SHARE[number]
        variance = (light + pixels * sky_adu[number]) / GAIN_E_PER_ADU
        limits.append((np.sqrt(variance + pixels * READ_NOISE_ADU**2) / light).min(axis=1))
    apart = np.stack(limits, axis=1)
    together = 1 / np.sqrt((1 / apart**2).sum(axis=1))
    return np.column_stack([apart, together])


def simulated_frames(paths: Sequence[Path], shape: str = "zero") -> list[FrameStars]:
    """Return what the truth beside simulated frames says of their stars, as the peer wants it.

    Neighbours that have no curve are given only where their light is fitted, with ``psf``.
    """
    faintest = {"psf": FAINTEST_NEIGHBOUR, "zero": FAINTEST_CURVE}[shape]
    return [_simulated_frame(path, faintest) for path in paths]


def _simulated_frame(path: Path, faintest_mag: float) -> FrameStars:
    stars = _truth(path).stars
    stars = stars[stars["gaia_mag"] < faintest_mag]
    return FrameStars(
        path=path,
        airmass=float(fits.getheader(path, 1)["AIRMASS"]),
        star=np.asarray(stars["id"], np.int64),
        x_px=np.asarray(stars["x"], np.float64),
        y_px=np.asarray(stars["y"], np.float64),
        gaia_mag=np.asarray(stars["gaia_mag"], np.float64),
        is_usable=~np.asarray(stars["saturated"], np.bool_),
    )


def _truth(path: Path) -> Truth:
    return Truth.read(path.with_name(path.name.replace(".fits.fz", ".truth.fits")))


@_quiet()
def show(paths: Sequence[Path], shape: str, processes: int) -> None:
    """Print the scatter of a simulated night's constant stars, by magnitude and colour."""
    found = peer_light_curves(simulated_frames(paths, shape), shape, processes)
    middle = paths[len(paths) // 2]
    truth = _truth(middle)
    stars = truth.stars[np.isin(truth.stars["id"], found.star)]
    stars = stars[~np.isin(stars["id"], truth.variables["id"])]
    row = np.searchsorted(found.star, stars["id"])
    flux = np.stack([stars[f"flux_{c.lower()}_adu"] for c in COLOURS], axis=-1)
    limit = photon_limit(np.asarray(flux, np.float64), sky_levels(middle))
    columns = "R, G, B, combined; in brackets over the photon limit"
    for low, high in MAGNITUDES:
        chosen = np.asarray((stars["gaia_mag"] >= low) & (stars["gaia_mag"] < high))
        table.heading(f"G {low} to {high}: {chosen.sum()} simulated stars, {len(paths)} frames")
        for stage in STAGES:
            colours = scatter(found.flux[stage].transpose(0, 2, 1))
            own = np.column_stack([colours, scatter(found.combined[stage])])
            percent = np.nanmedian(100 * own[row][chosen], axis=0)
            ratio = np.nanmedian(own[row][chosen] / limit[chosen], axis=0)
            figures = (f"{p:6.2f} % ({r:.2f})" for p, r in zip(percent, ratio, strict=True))
            print(f"  {stage:8}", *figures)
    names, counts = np.unique(found.photometry, return_counts=True)
    print(f"\n{columns}\nmeasured by", dict(zip(names.tolist(), counts.tolist(), strict=True)))


def sky_levels(path: Path) -> Floats:
    """Return the median sky of R, G, B in a raw frame, without the black level, ADU."""
    mosaic = fits.getdata(path).astype(np.float64)
    return np.array(
        [np.median(mosaic[y::2, x::2]) - BLACK_LEVEL_ADU for x, y in ((0, 1), (1, 1), (1, 0))]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="scatter of a simulated night by astrowisp")
    parser.add_argument("night", type=Path)
    parser.add_argument("--every", type=int, default=1, help="measure each n-th frame")
    parser.add_argument("--shape", choices=("psf", "zero"), default="zero")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    show(sorted(asked.night.rglob("*.fits.fz"))[:: asked.every], asked.shape, asked.processes)
