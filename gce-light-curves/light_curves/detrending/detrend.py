"""Light curves from the forced fluxes of a sequence."""

import numpy as np
from astropy.coordinates import EarthLocation
from numpy.typing import NDArray

from light_curves import robust
from light_curves.detrending import combine, comparison, ensemble, noise
from light_curves.detrending.ensemble import Ensemble
from light_curves.detrending.frames import FrameFacts, frame_facts
from light_curves.detrending.groups import frame_groups
from light_curves.detrending.pixel_phase import focus_terms
from light_curves.measurements import N_COLOURS, LightCurves, SequenceFluxes
from light_curves.times import bjd_tdb
from panoptes_network.arrays import Singles
from panoptes_network.light_curves.schema import BAD, Quality

WIDTH_TERMS = slice(2, 4)
"""Terms of the PSF used for the maps: growth in x and y."""
SEEN_SIGMA = 3.0
"""A star whose mean flux is below this many standard errors has no curve in that colour."""


def detrend(fluxes: SequenceFluxes, site: EarthLocation | None = None) -> LightCurves:
    """Remove the effects of frames and camera from fluxes, and estimate the errors.

    Parameters
    ----------
    fluxes : SequenceFluxes
        f frames, n targets.
    site : EarthLocation, optional
        Location of the unit. Without it, times are those at the Earth's centre, up to 21 ms off.

    Raises
    ------
    PermanentError
        TOO_FEW_FRAMES for fewer than three, TOO_FEW_SOURCES if fewer than three frames show enough
        comparison stars: clouds, or an empty field.
    """
    chosen, traits = comparison.choose(fluxes), comparison.star_traits(fluxes)
    stars = comparison.gather(fluxes, chosen, traits)
    group, has_no_level = frame_groups(stars.x_px, stars.y_px, fluxes.exptime_s)
    focus = focus_terms(fluxes.psf_terms[:, :, WIDTH_TERMS])
    fitted = ensemble.fit(stars, group, focus)
    facts = frame_facts(stars, fitted)
    of_frame = facts.quality | has_no_level * np.int32(Quality.NO_LEVEL)
    quality = fluxes.quality | of_frame[:, np.newaxis]
    colour_flux, photon_err = corrected(fluxes, fitted, traits)
    _normalize(colour_flux, photon_err, group, (quality & BAD) == 0)
    return _summarized(fluxes, site, facts, fitted, quality, colour_flux, photon_err)


def corrected(fluxes: SequenceFluxes, fitted: Ensemble, traits: Singles) -> tuple[Singles, Singles]:
    """Return corrected fluxes and their errors, ADU/s, shape (f, n, 3)."""
    flux, err = np.empty_like(fluxes.flux_adu), np.empty_like(fluxes.flux_adu)
    for frame, exptime_s in enumerate(fluxes.exptime_s):
        x_px, y_px = fluxes.x_px[frame], fluxes.y_px[frame]
        u, v = comparison.field_places(fluxes.shape, x_px, y_px)
        factor = fitted.factor(frame, (x_px, y_px, u, v), traits) * np.float32(exptime_s)
        flux[frame] = fluxes.flux_adu[frame] / factor
        err[frame] = fluxes.flux_err_adu[frame] / factor
    return flux, err


def _normalize(
    flux: Singles, err: Singles, group: NDArray[np.intp], is_good: NDArray[np.bool_]
) -> None:
    """Divide by each star's level in each group of frames, the median of its good frames.

    Without a level, as in frames with NO_LEVEL, the flux becomes NaN.
    """
    for number in np.unique(group):
        frames = group == number
        for colour in range(N_COLOURS):
            good = np.where(is_good[frames], flux[frames, :, colour], np.nan)
            typical_err = robust.median(err[frames, :, colour])
            level = robust.median(good)
            sure = np.sqrt(np.maximum(np.isfinite(good).sum(axis=0), 1)) / SEEN_SIGMA
            level = np.where(level * sure > typical_err, level, np.nan)
            flux[frames, :, colour] /= level
            err[frames, :, colour] /= level


def _summarized(
    fluxes: SequenceFluxes,
    site: EarthLocation | None,
    facts: FrameFacts,
    fitted: Ensemble,
    quality: NDArray[np.int32],
    colour_flux: Singles,
    photon_err: Singles,
) -> LightCurves:
    """Combine the colours, and return the light curves with their statistics."""
    is_good, mag = (quality & BAD) == 0, fluxes.field.gaia_mag
    colour_err = np.empty_like(colour_flux)
    for colour in range(N_COLOURS):
        known = np.where(is_good, colour_flux[:, :, colour], np.nan)
        own, of_frame = photon_err[:, :, colour], fitted.frame_scatter[:, colour]
        colour_err[:, :, colour] = noise.calibrated(known, own, of_frame, mag)
    weight = combine.weights(colour_err, is_good)
    flux, combined_err = combine.combined(colour_flux, photon_err, weight)
    flux /= robust.median(np.where(is_good, flux, np.nan))
    of_frame = fitted.frame_scatter @ combine.typical_shares(weight)
    err = noise.calibrated(np.where(is_good, flux, np.nan), combined_err, of_frame, mag)
    quality = quality | combine.lone_outliers(flux, err) * np.int32(Quality.OUTLIER)
    is_good = ((quality & BAD) == 0) & np.isfinite(flux)
    good_flux = np.where(is_good, flux, np.nan)
    return LightCurves(
        fluxes=fluxes,
        bjd_tdb=bjd_tdb(fluxes.time, fluxes.field.ra_deg, fluxes.field.dec_deg, site),
        flux=flux,
        flux_err=err,
        colour_flux=colour_flux,
        colour_flux_err=colour_err,
        quality=quality,
        zero_point_mag=facts.zero_point_mag,
        cloud_mag=facts.cloud_mag,
        n_comparison=facts.n_comparison,
        scatter=robust.scatter(good_flux),
        expected_noise=combine.expected_noise(photon_err, is_good),
        reduced_chi2=noise.reduced_chi2(good_flux, err),
        variability=combine.stetson_j(colour_flux, colour_err, is_good),
        n_good=is_good.sum(axis=0).astype(np.int32),
    )
