"""Columns of the files, from the arrays of the light curves."""

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import LightCurves
from panoptes_network.light_curves.schema import COLOURS

Arrays = dict[str, NDArray[np.generic]]


def frame_columns(curves: LightCurves) -> Arrays:
    """Return each of `FRAME_COLUMNS` for each frame, shape (f,)."""
    fluxes = curves.fluxes
    return {
        "image_id": np.array(fluxes.image_ids, dtype=np.str_),
        "time": fluxes.time,
        "exptime_s": fluxes.exptime_s,
        "airmass": fluxes.airmass,
        **_by_colour("zero_point", curves.zero_point_mag),
        **_by_colour("sky", fluxes.sky_adu),
        "fwhm_px": fluxes.fwhm_px,
        "cloud_mag": curves.cloud_mag,
        "n_comparison": curves.n_comparison,
    }


def star_columns(curves: LightCurves, chosen: slice) -> Arrays:
    """Return each of `STAR_COLUMNS` for each chosen star."""
    field = curves.fluxes.field
    return {
        "picid": field.picid[chosen],
        "catalog": np.where(field.is_tic[chosen], "tic", "gaia"),
        "ra_deg": field.ra_deg[chosen],
        "dec_deg": field.dec_deg[chosen],
        "gaia_mag": field.gaia_mag[chosen],
    }


def measurement_columns(curves: LightCurves, chosen: slice) -> Arrays:
    """Return each of `MEASUREMENT_COLUMNS` for the chosen stars, shape (stars, f)."""
    fluxes = curves.fluxes
    return {
        "bjd_tdb": _of_stars(curves.bjd_tdb, chosen),
        "flux": _of_stars(curves.flux, chosen),
        "flux_err": _of_stars(curves.flux_err, chosen),
        **_by_colour("flux", _of_stars(curves.colour_flux, chosen)),
        **_by_colour("flux_err", _of_stars(curves.colour_flux_err, chosen)),
        **_by_colour("raw_flux", _of_stars(fluxes.flux_adu, chosen)),
        **_by_colour("raw_flux_err", _of_stars(fluxes.flux_err_adu, chosen)),
        **_by_colour("background", _of_stars(fluxes.background_adu, chosen)),
        "x_px": _of_stars(fluxes.x_px, chosen),
        "y_px": _of_stars(fluxes.y_px, chosen),
        "quality": _of_stars(curves.quality, chosen),
    }


def on_frame(curves: LightCurves, chosen: slice) -> NDArray[np.bool_]:
    """Return which frames contain the chosen stars, shape (stars, f), and so have rows."""
    is_on: NDArray[np.bool_] = np.isfinite(_of_stars(curves.fluxes.x_px, chosen))
    return is_on


def _of_stars(values: NDArray[np.generic], chosen: slice) -> NDArray[np.generic]:
    """Transpose (f, n, …) to (stars, f, …)."""
    return np.ascontiguousarray(np.swapaxes(values[:, chosen], 0, 1))


def _by_colour(name: str, values: NDArray[np.generic]) -> Arrays:
    return {f"{name}_{colour}": values[..., number] for number, colour in enumerate(COLOURS)}
