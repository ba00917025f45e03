"""Forced photometry: the flux of every catalog star of a frame at its solved position."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import PSF_TERMS, CatalogField, Exposure, FrameFluxes
from light_curves.photometry.crowding import neighbour_light
from light_curves.photometry.frame_light import Camera, FrameLight, frame_light
from light_curves.photometry.frame_psf import GREEN, solve_frame
from light_curves.photometry.psf import HALF_PX, SequencePsf
from light_curves.photometry.psf_fit import fit_psf
from light_curves.photometry.psf_stars import PlacedFrame
from panoptes_network.arrays import Floats, Singles
from panoptes_network.light_curves.schema import Quality

CROWDED_PX = 3.0
CROWDED_LIGHT = 0.5
"""Stars whose neighbours within `CROWDED_PX` have this fraction of their own light are crowded, in
all frames if in one of the PSF frames.
"""

TRAILED_PX2 = 0.45
"""A frame is trailed if its green stars are elongated by this variance relative to the sequence's,
in any direction. Measured by smearing simulated frames: two images 2 px apart give 0.2, three 0.5,
seven 0.65, as a small change no longer describes them; simulated nights of a bad mount stay below
0.35.
"""

_SATURATION_RADIUS_PX = 3


@dataclass(frozen=True)
class Photometer:
    """Measures the frames of one sequence, each separately.

    Parameters
    ----------
    field : CatalogField
        All n stars that may be on the frames, targets and neighbours.
    known : SequencePsf
    is_crowded : ndarray, shape (n,), bool
    camera : Camera
    flat : ndarray, float32, optional
        Relative sensitivity of the pixels.
    """

    field: CatalogField
    known: SequencePsf
    is_crowded: NDArray[np.bool_]
    camera: Camera
    flat: Singles | None = None

    @classmethod
    def of_sequence(
        cls,
        frames: Sequence[PlacedFrame],
        field: CatalogField,
        camera: Camera,
        flat: Singles | None = None,
    ) -> Self:
        """Create a photometer from some frames of a sequence.

        Parameters
        ----------
        frames : sequence of PlacedFrame
            Frames selected by :func:`light_curves.photometry.psf_fit.psf_frames`.
        field, camera, flat
            As above.

        Raises
        ------
        PermanentError
            See :func:`light_curves.photometry.psf_fit.fit_psf`.
        """
        known = fit_psf(frames, field.gaia_mag, camera, flat)
        # Stars drift onto and off the frames: no frame has all of the stars.
        others = np.fmax.reduce(
            [neighbour_light(f.x_px, f.y_px, field.gaia_mag, CROWDED_PX) for f in frames]
        )
        return cls(field, known, np.nan_to_num(others) > CROWDED_LIGHT, camera, flat)

    def measure(self, frame: PlacedFrame, exposure: Exposure) -> FrameFluxes:
        """Return the fluxes of the field's targets in a frame.

        Parameters
        ----------
        frame : PlacedFrame
            A frame of the sequence's shape, with the positions of all the field's stars, including
            those just beyond its edge.
        exposure : Exposure
        """
        light = frame_light(frame.pixels, self.camera, self.flat)
        solved = solve_frame(frame, light, self.known, self.field.gaia_mag)
        near, solution = solved.stars, solved.fluxes
        values = np.full((3, len(self.field), 3), np.nan, np.float32)
        values[:, near] = (
            solution.flux_adu,
            solution.flux_err_adu,
            solution.sky.at(frame.x_px[near], frame.y_px[near]),
        )
        is_inside, is_target = frame.holds(-0.5), self.field.is_target
        values[:, ~is_inside] = np.nan
        flux, error, background = values[:, is_target]
        return FrameFluxes(
            exposure=exposure,
            flux_adu=flux,
            flux_err_adu=error,
            background_adu=background,
            x_px=np.where(is_inside, frame.x_px, np.nan)[is_target].astype(np.float32),
            y_px=np.where(is_inside, frame.y_px, np.nan)[is_target].astype(np.float32),
            quality=self._quality(frame, light, is_trailed(solved.state.terms))[is_target],
            sky_adu=np.median(solution.sky.level, axis=(1, 2)),
            fwhm_px=width_px(self.known.psf.fwhm_px(GREEN), solved.state.terms),
            psf_terms=solved.state.terms[:, :PSF_TERMS].astype(np.float32),
        )

    def _quality(self, frame: PlacedFrame, light: FrameLight, trailed: bool) -> NDArray[np.int32]:
        """Return the quality bits of each star of the field; 0 for those off the frame."""
        is_inside = frame.holds(-0.5)
        quality = np.where(self.is_crowded, Quality.CROWDED, 0).astype(np.int32)
        quality[~frame.holds(HALF_PX)] |= Quality.EDGE
        quality[is_inside & _touches_bad(frame, light, is_inside)] |= Quality.SATURATED
        if trailed:
            quality |= Quality.TRAILED
        return np.where(is_inside, quality, 0).astype(np.int32)


def is_trailed(terms: Floats) -> bool:
    """Return whether a frame's stars are elongated by `TRAILED_PX2` in green."""
    _, _, xx, yy, xy = terms[GREEN, :PSF_TERMS]
    return bool(np.linalg.eigvalsh([[xx, xy], [xy, yy]])[-1] > TRAILED_PX2)


def width_px(sequence_fwhm_px: tuple[float, float], terms: Floats) -> float:
    """Return the full width at half maximum in green, mean of x and y.

    The frame's additional variance is added as to a Gaussian, whose width is the square root of 8
    ln 2 times the standard deviation.
    """
    square = np.square(sequence_fwhm_px) + 8 * np.log(2) * terms[GREEN, 2:4]
    return float(np.mean(np.sqrt(np.maximum(square, 0))))


def _touches_bad(
    frame: PlacedFrame, light: FrameLight, chosen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which of the chosen stars have a bad pixel within `_SATURATION_RADIUS_PX`."""
    height, width = light.adu.shape
    around = np.arange(-_SATURATION_RADIUS_PX, _SATURATION_RADIUS_PX + 1)
    down, across = np.meshgrid(around, around, indexing="ij")
    disc = down**2 + across**2 < _SATURATION_RADIUS_PX**2
    touches = np.zeros(len(chosen), np.bool_)
    row, column = (
        np.rint(place[chosen]).astype(np.int64)[:, None] for place in (frame.y_px, frame.x_px)
    )
    rows = np.clip(row + down[disc], 0, height - 1)
    columns = np.clip(column + across[disc], 0, width - 1)
    touches[chosen] = ~light.is_good[rows, columns].all(axis=1)
    return touches
