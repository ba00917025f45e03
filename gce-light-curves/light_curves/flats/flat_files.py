"""A camera's flats in the processed bucket: sums of its sequences, and versions."""

import logging
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from light_curves.flats.flat import FlatSums, PixelFlat, pixel_flat, shared_response
from panoptes_network import storage
from panoptes_network.arrays import Singles
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_models import CameraFlat
from panoptes_network.errors import PermanentError
from panoptes_network.ids import CameraTime
from panoptes_network.nights.night import Night

MIN_GROWTH = 1.5
"""A version needs this many times the frames of the previous one: its errors are a fifth smaller.
"""

MAX_BYTES = 1_000_000_000
"""Size of the sums for the largest frame: two 4-byte values per pixel."""

_log = logging.getLogger(__name__)


def newest_flat(sequence_id: str, shape: tuple[int, int], folder: Path) -> Singles | None:
    """Return the newest flat of a sequence's camera for frames of `shape`; None if there is none.

    A flat improves light curves but is never required: an unreadable one is ignored.

    Parameters
    ----------
    sequence_id : str
    shape : tuple of int
        Height and width.
    folder : Path
        For a temporary file.

    Raises
    ------
    TransientError
        If storage or database is unavailable.
    """
    row = run_transaction(
        partial(_newest, camera_id=CameraTime.parse(sequence_id).camera_id, shape=shape)
    )
    if row is None:
        return None
    try:
        stored = storage.find(settings().processed_bucket, row.path, row.generation)
        storage.download(stored, folder / "flat.fits", MAX_BYTES)
        flat = np.ascontiguousarray(fits.getdata(folder / "flat.fits", "FLAT"), np.float32)
    except (PermanentError, OSError, KeyError, ValueError) as error:
        _log.warning("measured without a flat: %s", error, extra={"sequence_id": sequence_id})
        return None
    return flat if flat.shape == shape else None


def merge(
    sequence_id: str, sums: FlatSums, longitude_deg: float | None, folder: Path
) -> int | None:
    """Add a sequence to its camera's sums, once, and make a new version if it is due.

    A version is due if most of the pixels' differences are known, and there are `MIN_GROWTH` times
    the frames of the previous version. The response of the pixels is measured from what the
    sequence and all earlier ones have in common, so a single sequence makes none.

    Parameters
    ----------
    sequence_id : str
    sums : FlatSums
        Sums of the sequence alone.
    longitude_deg : float, optional
        Longitude of the unit, for the number of nights.
    folder : Path
        For temporary files.

    Returns
    -------
    int or None
        The number of the new version.

    Raises
    ------
    TransientError
        If storage or database is unavailable, or another worker was faster: try again.
    """
    shape, bucket = sums.weight.shape, settings().processed_bucket
    path = _path(sequence_id, shape, "sums")
    stored = storage.find_if_there(bucket, path)
    file = folder / "flat_sums.fits"
    if stored is not None:
        storage.download(stored, file, MAX_BYTES)
    before = read_sums(file) if stored else FlatSums.empty((shape[0], shape[1]))
    if sequence_id in before.n_frames:
        return None
    total = before.plus(sums)
    write_sums(file, total)
    generation = stored.generation if stored else 0
    storage.upload(bucket, path, file, {}, over_generation=generation)
    return _make_version(sequence_id, before, sums, total, longitude_deg, folder)


def read_sums(file: Path) -> FlatSums:
    """Read the sums written by :func:`write_sums`."""
    with fits.open(file, memmap=False) as hdus:
        table = hdus["SEQUENCES"].data
        counted = zip(table["sequence_id"].tolist(), table["n_frames"].tolist(), strict=True)
        deviation, weight = (
            np.ascontiguousarray(hdus[name].data, np.float32) for name in ("DEVIATION", "WEIGHT")
        )
        return FlatSums(deviation, weight, dict(counted))


def write_sums(file: Path, sums: FlatSums) -> None:
    """Write sums as two float32 images and a table of their sequences."""
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("sequence_id", "48A", array=list(sums.n_frames)),
            fits.Column("n_frames", "J", array=list(sums.n_frames.values())),
        ],
        name="SEQUENCES",
    )
    images = [
        fits.ImageHDU(getattr(sums, name), name=name.upper()) for name in ("deviation", "weight")
    ]
    fits.HDUList([fits.PrimaryHDU(), *images, table]).writeto(file, overwrite=True)


def _make_version(
    sequence_id: str,
    before: FlatSums,
    sums: FlatSums,
    total: FlatSums,
    longitude_deg: float | None,
    folder: Path,
) -> int | None:
    camera_id, shape = CameraTime.parse(sequence_id).camera_id, total.weight.shape
    latest = run_transaction(partial(_newest, camera_id=camera_id, shape=shape))
    n_frames = sum(total.n_frames.values())
    if not before.n_frames or (latest and n_frames < MIN_GROWTH * latest.n_frames):
        return None
    made = pixel_flat(total, shared_response(before, sums))
    about = {"camera_id": camera_id, "frames": n_frames, "response": round(made.response, 5)}
    _log.info("flat: a pixel's error is %.4f", made.pixel_err, extra=about)
    if not made.is_worth_it:
        return None
    nights = {
        Night.holding(CameraTime.parse(name).time, longitude_deg).start for name in total.n_frames
    }
    return _save(sequence_id, made, n_frames, len(nights), folder)


def _save(sequence_id: str, made: PixelFlat, n_frames: int, n_nights: int, folder: Path) -> int:
    camera_id, (height, width) = CameraTime.parse(sequence_id).camera_id, made.flat.shape
    version = run_transaction(partial(_last_version, camera_id=camera_id)) + 1
    image = fits.ImageHDU(made.flat, name="FLAT")
    image.header["VERSION"] = version, "of the camera's flat"
    image.header["NFRAMES"] = n_frames, "frames whose sky it is made of"
    image.header["NNIGHTS"] = n_nights, "nights of these"
    image.header["PIXERR"] = made.pixel_err, "standard deviation of a pixel's mean"
    image.header["RESPONSE"] = made.response, "standard deviation of the sensitivity"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(folder / "flat.fits", overwrite=True)
    # Two workers may make the same version at once, and must not write the same object.
    path = _path(sequence_id, made.flat.shape, f"v{version}_{sequence_id}")
    stored = storage.upload(settings().processed_bucket, path, folder / "flat.fits", {})
    row = CameraFlat(
        camera_id=camera_id,
        version=version,
        path=path,
        generation=stored.generation,
        width=width,
        height=height,
        n_frames=n_frames,
        n_nights=n_nights,
        pixel_err=made.pixel_err,
    )
    run_transaction(lambda session: session.add(row))
    return version


def _path(sequence_id: str, shape: tuple[int, ...], name: str) -> str:
    camera = CameraTime.parse(sequence_id)
    return f"{camera.unit_id}/{camera.camera_id}/flats/{shape[1]}x{shape[0]}_{name}.fits"


def _newest(session: Session, camera_id: str, shape: tuple[int, ...]) -> CameraFlat | None:
    of_shape = (CameraFlat.height == shape[0]) & (CameraFlat.width == shape[1])
    query = select(CameraFlat).where(CameraFlat.camera_id == camera_id, of_shape)
    found = session.scalars(query.order_by(CameraFlat.version.desc()).limit(1)).one_or_none()
    if found is not None:
        session.expunge(found)
    return found


def _last_version(session: Session, camera_id: str) -> int:
    of_camera = CameraFlat.camera_id == camera_id
    return session.scalar(select(func.max(CameraFlat.version)).where(of_camera)) or 0
