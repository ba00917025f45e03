"""Light curves of a sequence from its solved frames, with one frame in memory at a time."""

import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC
from pathlib import Path

import numpy as np
from astropy import units
from astropy.coordinates import EarthLocation

from light_curves.catalog_field import SequenceField, read_field
from light_curves.claims import Held
from light_curves.detected import is_detected
from light_curves.detrending.detrend import detrend
from light_curves.flats.flat import FlatSums, star_mask
from light_curves.flats.flat_files import newest_flat
from light_curves.measurements import CatalogField, FrameFluxes, LightCurves, SequenceFluxes
from light_curves.photometry.forced import Photometer
from light_curves.photometry.frame_light import Camera
from light_curves.photometry.psf_fit import psf_frames
from light_curves.photometry.psf_stars import PlacedFrame
from light_curves.solved_frames import SolvedFrame, check_enough, find_frames, read_pixels
from panoptes_network.database.light_curve_sets import SetClaim, Site
from panoptes_network.light_curves.schema import Quality

LOG_EVERY = 10

_log = logging.getLogger(__name__)


def light_curves(claim: SetClaim, folder: Path, held: Held) -> tuple[LightCurves, FlatSums]:
    """Return the light curves of a claimed sequence, and its sums for the camera's flat.

    The large arrays of the curves are in the work folder.

    Raises
    ------
    PermanentError
        With the reason if light curves cannot be made.
    TransientError
        If a dependency is unavailable.
    StaleClaimError
        If the sequence was taken over.
    """
    frames = find_frames(claim.images, claim.site)
    middle = frames[len(frames) // 2].exposure.time.astype("datetime64[us]").item()
    field = read_field(frames, middle.replace(tzinfo=UTC))
    measuring = _Measuring(claim, frames, field, folder, held)
    fluxes = measuring.fluxes()
    held.check()
    return detrend(fluxes, _earth_location(claim.site)), measuring.sums


class _Measuring:
    """The measurement of a sequence's frames.

    Parameters
    ----------
    claim : SetClaim
    frames : sequence of SolvedFrame
        Frames in order of time.
    field : SequenceField
    folder : Path
        Folder for one frame's file, and for the fluxes.
    held : Held
        Checked before each frame.

    Attributes
    ----------
    sums : FlatSums
        Sums over the measured frames.
    """

    def __init__(
        self,
        claim: SetClaim,
        frames: Sequence[SolvedFrame],
        field: SequenceField,
        folder: Path,
        held: Held,
    ) -> None:
        self._claim = claim
        self._frames = frames
        self._field = field
        self._folder = folder
        self._held = held
        self.sums = FlatSums.empty(frames[0].shape)

    def fluxes(self) -> SequenceFluxes:
        """Return the fluxes of all readable frames."""
        targets, shape = self._field.stars.targets, self._frames[0].shape
        flat = newest_flat(self._claim.sequence_id, shape, self._folder)
        photometer = Photometer.of_sequence(self._some(), self._field.stars, Camera(), flat)
        exposures = [frame.exposure for frame in self._frames]
        room = SequenceFluxes.allocate(targets, shape, exposures, self._folder)
        kept: list[int] = []
        _log.info("stage", extra={"stage": "measure", **self._about()})
        for number, frame in enumerate(self._frames):
            self._held.check()
            placed = self._placed(frame)
            if placed is not None:
                measured = photometer.measure(placed, frame.exposure)
                room.store(len(kept), _with_detections(measured, frame, targets))
                self._add_sky(placed)
                kept.append(number)
            self._tell(number + 1)
        check_enough(len(kept), len(self._claim.images))
        return _only(room, kept)

    def _add_sky(self, frame: PlacedFrame) -> None:
        """Add a frame's sky to the sums."""
        gaia_mag = self._field.stars.gaia_mag
        is_star = star_mask(frame.pixels.shape, frame.x_px, frame.y_px, gaia_mag)
        self.sums = self.sums.with_frame(self._claim.sequence_id, frame.pixels, is_star)

    def _some(self) -> list[PlacedFrame]:
        """Return some frames, spread over the sequence, for the PSF."""
        _log.info("stage", extra={"stage": "psf", **self._about()})
        chosen = (self._placed(self._frames[number]) for number in psf_frames(len(self._frames)))
        found = [frame for frame in chosen if frame is not None]
        check_enough(len(found), len(self._claim.images))
        return found

    def _placed(self, frame: SolvedFrame) -> PlacedFrame | None:
        pixels = read_pixels(frame, self._folder)
        if pixels is None:
            return None
        return PlacedFrame(pixels, *frame.places(self._field.ra_deg, self._field.dec_deg))

    def _tell(self, done: int) -> None:
        if done % LOG_EVERY == 0 or done == len(self._frames):
            _log.info("frame %d of %d", done, len(self._frames), extra=self._about())

    def _about(self) -> dict[str, str]:
        return {"sequence_id": self._claim.sequence_id}


def _with_detections(
    measured: FrameFluxes, frame: SolvedFrame, targets: CatalogField
) -> FrameFluxes:
    """Mark the stars on the frame that source-extractor did not detect."""
    unseen = np.isfinite(measured.x_px) & ~is_detected(frame.image, targets)
    marked = measured.quality | np.where(unseen, np.int32(Quality.NOT_DETECTED), np.int32(0))
    return replace(measured, quality=marked)


def _only(room: SequenceFluxes, kept: Sequence[int]) -> SequenceFluxes:
    """Return the fluxes of the measured frames, which are first in `room`."""
    facts = {name: getattr(room, name)[list(kept)] for name in ("time", "exptime_s", "airmass")}
    measured = {
        field.name: getattr(room, field.name)[: len(kept)]
        for field in fields(room)
        if field.name not in {"field", "shape", "image_ids", *facts}
    }
    image_ids = tuple(np.array(room.image_ids)[list(kept)].tolist())
    return replace(room, image_ids=image_ids, **facts, **measured)


def _earth_location(site: Site | None) -> EarthLocation | None:
    if site is None:
        return None
    return EarthLocation.from_geodetic(
        site.longitude_deg * units.deg, site.latitude_deg * units.deg, site.elevation_m * units.m
    )
