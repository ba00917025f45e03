"""Fluxes of frames, one after another, become those of a sequence."""

from pathlib import Path

import numpy as np
import pytest

from light_curves.measurements import CatalogField, Exposure, FrameFluxes, SequenceFluxes


def _field(n: int) -> CatalogField:
    return CatalogField(
        picid=np.arange(n),
        is_tic=np.ones(n, np.bool_),
        ra_deg=np.linspace(10, 11, n),
        dec_deg=np.zeros(n),
        gaia_mag=np.linspace(9, 14, n, dtype=np.float32),
        teff_k=np.full(n, np.nan, np.float32),
        is_target=np.arange(n) % 2 == 0,
    )


def _frame(exposure: Exposure, n: int, flux: float) -> FrameFluxes:
    return FrameFluxes(
        exposure=exposure,
        flux_adu=np.full((n, 3), flux, np.float32),
        flux_err_adu=np.full((n, 3), flux / 100, np.float32),
        background_adu=np.full((n, 3), 90, np.float32),
        x_px=np.full(n, 5, np.float32),
        y_px=np.full(n, np.nan, np.float32),
        quality=np.full(n, 2, np.int32),
        sky_adu=np.array([80, 90, 100], np.float32),
        fwhm_px=2.5,
        psf_terms=np.full((3, 5), 0.01, np.float32),
    )


def _exposures(n: int) -> list[Exposure]:
    start = np.datetime64("2018-08-12T08:30:00.000000")
    step = np.timedelta64(150, "s")
    return [Exposure(f"image {i}", start + i * step, 120.0, 1.2) for i in range(n)]


@pytest.mark.parametrize("is_mapped", [False, True])
def test_frames_are_stacked_in_memory_or_in_files(is_mapped: bool, tmp_path: Path) -> None:
    targets = _field(7).targets
    exposures = _exposures(3)
    fluxes = SequenceFluxes.allocate(
        targets, (40, 60), exposures, folder=tmp_path if is_mapped else None
    )
    for index in (2, 0, 1):
        fluxes.store(index, _frame(exposures[index], len(targets), 1000.0 + index))

    assert targets.picid.tolist() == [0, 2, 4, 6]
    assert fluxes.image_ids == ("image 0", "image 1", "image 2")
    assert fluxes.flux_adu[:, 3, 1].tolist() == [1000, 1001, 1002]
    assert fluxes.sky_adu[1].tolist() == [80, 90, 100]
    assert fluxes.fwhm_px.tolist() == [2.5] * 3
    assert np.isnan(fluxes.y_px).all()
    assert (fluxes.quality == 2).all()
    assert np.diff(fluxes.time).tolist() == [np.timedelta64(150, "s").item()] * 2
    assert isinstance(fluxes.flux_adu, np.memmap) == is_mapped


def test_a_field_without_targets_has_room_for_none(tmp_path: Path) -> None:
    fluxes = SequenceFluxes.allocate(_field(0), (40, 60), _exposures(2), folder=tmp_path)
    fluxes.store(1, _frame(_exposures(2)[1], 0, 1.0))
    assert fluxes.flux_adu.shape == (2, 0, 3)
