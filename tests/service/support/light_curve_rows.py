"""Light curves of a simulated sequence in storage and database, one with a transit."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from panoptes_network.database.light_curve_models import Candidate, LightCurveSet, StarLightCurve
from panoptes_network.ids import CameraTime
from panoptes_network.light_curves.parquet_file import LightCurveWriter
from panoptes_network.light_curves.schema import COLOURS, Quality
from tests.service.support.web_services import START, store

BUCKET = "panoptes-processed"
FRAMES = 150
CADENCE = timedelta(seconds=150)
EXPTIME_S = 120.0
DEPTH, DURATION_H = 0.01, 2.5
FIRST_PICID = 1000
NOISE = 0.004
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Curves:
    """Light curves of stars of G 9, 9.1 and so on, as simulated; the first has a transit.

    Attributes
    ----------
    flux : ndarray, shape (stars, frames), float64
        Relative, with noise of `NOISE`.
    has : ndarray, shape (stars, frames), bool
        Which star is in which frame: all but the second, which is not in the first 10.
    saturated : tuple of int
        Stars that are saturated in every frame.
    """

    n_stars: int = 5
    n_frames: int = FRAMES
    start: datetime = START
    seed: int = 13
    saturated: tuple[int, ...] = ()
    camera_id: str = "14d3bd"
    first_picid: int = FIRST_PICID
    flux: NDArray[np.float64] = field(init=False)
    has: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        flux = 1 + rng.normal(0, NOISE, (self.n_stars, self.n_frames))
        flux[0, self.is_in_transit] -= DEPTH
        has = np.ones(flux.shape, bool)
        has[1, :10] = False
        object.__setattr__(self, "flux", flux)
        object.__setattr__(self, "has", has)

    @property
    def middles(self) -> list[datetime]:
        """The middles of the exposures."""
        half = timedelta(seconds=EXPTIME_S / 2)
        return [self.start + number * CADENCE + half for number in range(self.n_frames)]

    @property
    def bjd_tdb(self) -> NDArray[np.float64]:
        """The same as Julian dates in TDB, the barycentre being 300 s nearer to the star."""
        jd: NDArray[np.float64] = Time(self.middles).tdb.jd
        return jd + 300 / 86400

    @property
    def is_in_transit(self) -> NDArray[np.bool_]:
        """Which frames are in the transit: the middle ones."""
        hours = (np.arange(self.n_frames) - self.n_frames / 2) * (CADENCE / timedelta(hours=1))
        return np.asarray(np.abs(hours) < DURATION_H / 2)

    @property
    def image_ids(self) -> list[str]:
        """The frames' ids."""
        starts = [self.start + number * CADENCE for number in range(self.n_frames)]
        return [str(CameraTime("PAN001", self.camera_id, start)) for start in starts]

    def picid(self, star: int) -> int:
        """Return a star's number in the TIC."""
        return self.first_picid + star

    def write(self, path: Path) -> list[int]:
        """Write the Parquet file; return the first row of each star."""
        with LightCurveWriter(path, self._frames()) as writer:
            first_rows: list[int] = writer.write(self._stars(), self._measured(), self.has).tolist()
        return first_rows

    def _frames(self) -> Arrays:
        ones = np.ones(self.n_frames)
        return {
            "image_id": np.array(self.image_ids),
            "time": np.array([middle.replace(tzinfo=None) for middle in self.middles], "M8[us]"),
            "exptime_s": EXPTIME_S * ones,
            "airmass": np.linspace(1.8, 1.1, self.n_frames),
            **{f"zero_point_{colour}": 20.5 * ones for colour in COLOURS},
            **{f"sky_{colour}": 300 * ones for colour in COLOURS},
            "fwhm_px": 2.2 * ones,
            "cloud_mag": 0 * ones,
            "n_comparison": np.full(self.n_frames, 400, np.int32),
        }

    def _stars(self) -> Arrays:
        numbers = np.arange(self.n_stars)
        return {
            "picid": self.first_picid + numbers,
            "catalog": np.full(self.n_stars, "tic"),
            "ra_deg": 83.8 + 0.1 * numbers,
            "dec_deg": np.full(self.n_stars, -5.4),
            "gaia_mag": 9 + 0.1 * numbers,
        }

    def _measured(self) -> Arrays:
        quality = np.zeros(self.flux.shape, np.int32)
        quality[:, 3] = Quality.CLOUD
        quality[list(self.saturated)] |= Quality.SATURATED
        of_colours = {
            name: values
            for colour in COLOURS
            for name, values in {
                f"flux_{colour}": self.flux,
                f"flux_err_{colour}": np.full(self.flux.shape, 2 * NOISE),
                f"raw_flux_{colour}": 50_000 * self.flux,
                f"raw_flux_err_{colour}": np.full(self.flux.shape, 300.0),
                f"background_{colour}": np.full(self.flux.shape, 310.0),
            }.items()
        }
        return {
            "bjd_tdb": np.broadcast_to(self.bjd_tdb, self.flux.shape),
            "flux": self.flux,
            "flux_err": np.full(self.flux.shape, NOISE),
            **of_colours,
            "x_px": np.full(self.flux.shape, 100.25),
            "y_px": np.full(self.flux.shape, 200.5),
            "quality": quality,
        }


def add_light_curves(
    session: Session, sequence_id: str, curves: Curves, folder: Path, generation: int | None = None
) -> str:
    """Put the file of light curves into the bucket, and its rows into the database.

    Returns the path of the Parquet file; that of the FITS file ends in ``.fits``.
    """
    file = folder / f"{sequence_id}.parquet"
    first_rows = curves.write(file)
    path = f"PAN001/M42/14d3bd/{sequence_id}_light_curves.parquet"
    stored = store(BUCKET, path, file.read_bytes())
    fits_path = path.replace(".parquet", ".fits")
    store(BUCKET, fits_path, b"SIMPLE")
    session.add(
        LightCurveSet(
            sequence_id=sequence_id,
            n_frames=curves.n_frames,
            n_stars=curves.n_stars,
            parquet_path=path,
            parquet_generation=generation or stored,
            parquet_bytes=file.stat().st_size,
            fits_path=fits_path,
            fits_generation=1,
            fits_bytes=6,
            photon_limit_ratio=1.1,
            made_at=datetime(2018, 10, 12, tzinfo=UTC),
        )
    )
    session.flush()
    for star in range(curves.n_stars):
        session.add(_star(sequence_id, curves, star, first_rows[star]))
    return path


def _star(sequence_id: str, curves: Curves, star: int, first_row: int) -> StarLightCurve:
    middles = np.array(curves.middles)[curves.has[star]]
    return StarLightCurve(
        sequence_id=sequence_id,
        picid=curves.picid(star),
        catalog="tic",
        ra_deg=83.8 + 0.1 * star,
        dec_deg=-5.4,
        gaia_mag=9 + 0.1 * star,
        first_row=first_row,
        n_frames=int(curves.has[star].sum()),
        n_good=int(curves.has[star].sum()) - 1,
        first_time=middles[0],
        last_time=middles[-1],
        scatter=None if star == curves.n_stars - 1 else NOISE * (1 + star % 3),
        expected_noise=NOISE,
        reduced_chi2=1.0 + star,
        variability=0.1 * star,
        quality=int(Quality.CLOUD),
    )


def transit(sequence_id: str | None, picid: int = FIRST_PICID, **columns: Any) -> Candidate:
    """Return a candidate with a transit, with further or other `columns`."""
    given: dict[str, Any] = {
        "kind": "transit",
        "picid": picid,
        "catalog": "tic",
        "sequence_id": sequence_id,
        "ra_deg": 83.8,
        "dec_deg": -5.4,
        "gaia_mag": 9.0,
        "n_nights": 1,
        "significance": 12.5,
        "false_alarm_probability": 0.004,
        "depth": DEPTH,
        "depth_err": 0.001,
        "duration_h": DURATION_H,
        "mid_bjd_tdb": 2458403.2,
        "vetting": {"colours_agree": 3, "odd_even_sigma": None},
    }
    return Candidate(**{**given, **columns})
