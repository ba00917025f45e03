"""Light curves of a few stars without frames: numbers that tell which star and frame they are."""

import numpy as np

from light_curves.measurements import CatalogField, Exposure, LightCurves, SequenceFluxes
from panoptes_network.light_curves.schema import Quality

TIC = np.array([True, False, True, True, False])
PICIDS = np.array([471011144, 2**61 + 1, 7, 8, -11767])
N_STARS = len(PICIDS)
START = np.datetime64("2018-10-11T13:43:33", "us")
OFF_FRAME = (2, 1)
"""Frame and star."""


def made_curves(n_frames: int = 4) -> LightCurves:
    """Return curves of five stars; the last is on no frame, one is off one frame."""
    field = CatalogField(
        picid=PICIDS,
        is_tic=TIC,
        ra_deg=np.linspace(300, 301, N_STARS),
        dec_deg=np.linspace(44, 45, N_STARS),
        gaia_mag=np.array([9.5, 10.5, 10.9, 12.0, 8.0], np.float32),
        teff_k=np.full(N_STARS, 5000, np.float32),
        is_target=np.ones(N_STARS, np.bool_),
    )
    step = np.timedelta64(150, "s")
    exposures = [
        Exposure(f"PAN001_14d3bd_20181011T13433{k}", START + k * step, 120.0, 1.1 + 0.1 * k)
        for k in range(n_frames)
    ]
    fluxes = SequenceFluxes.allocate(field, (400, 600), exposures)
    frame, star = np.indices((n_frames, N_STARS))
    number = (10 * frame + star).astype(np.float32)
    for colour in range(3):
        fluxes.flux_adu[:, :, colour] = 1000 * (colour + 1) + number
        fluxes.flux_err_adu[:, :, colour] = 10 + colour
        fluxes.background_adu[:, :, colour] = 200 + colour
    fluxes.x_px[:], fluxes.y_px[:] = 100 + number, 200 + number
    for place in (fluxes.x_px, fluxes.y_px):
        place[OFF_FRAME] = np.nan
        place[:, -1] = np.nan
    fluxes.sky_adu[:] = (100, 200, 150)
    fluxes.fwhm_px[:] = 3.5
    quality = np.zeros((n_frames, N_STARS), np.int32)
    quality[1, 0] = Quality.CLOUD
    quality[3, 0] = Quality.OUTLIER
    colours = np.repeat(number[:, :, None], 3, axis=2) / 1000 + 1
    return LightCurves(
        fluxes=fluxes,
        bjd_tdb=2458403.0 + frame / 576 + star * 1e-6,
        flux=(1 + number / 1000).astype(np.float32),
        flux_err=np.full((n_frames, N_STARS), 0.01, np.float32),
        colour_flux=colours.astype(np.float32),
        colour_flux_err=np.full((n_frames, N_STARS, 3), 0.02, np.float32),
        quality=quality,
        zero_point_mag=np.full((n_frames, 3), 20.5, np.float32),
        cloud_mag=np.linspace(0, 0.1, n_frames).astype(np.float32),
        n_comparison=np.full(n_frames, 42, np.int32),
        scatter=np.array([0.011, 0.012, np.nan, 0.03, np.nan], np.float32),
        expected_noise=np.array([0.01, 0.01, 0.01, 0.02, np.nan], np.float32),
        reduced_chi2=np.array([1, 1.1, np.nan, 0.9, np.nan], np.float32),
        variability=np.array([0.1, 0.2, 0.3, np.nan, np.nan], np.float32),
        n_good=np.array([2, 3, 4, 4, 0], np.int32),
    )
