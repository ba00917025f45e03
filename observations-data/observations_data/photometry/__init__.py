"""Raw light curves from stamps: aperture sums, comparison stars, relative flux. Pure numpy."""

from observations_data.photometry.aperture import APERTURE_RADIUS_PX, ApertureSums, aperture_sums
from observations_data.photometry.comparison import (
    FrameSources,
    comparison_candidates,
    steady_stars,
)
from observations_data.photometry.ensemble import RelativeFlux, relative_flux

__all__ = [
    "APERTURE_RADIUS_PX",
    "ApertureSums",
    "FrameSources",
    "RelativeFlux",
    "aperture_sums",
    "comparison_candidates",
    "relative_flux",
    "steady_stars",
]
