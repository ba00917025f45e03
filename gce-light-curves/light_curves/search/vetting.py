"""Vetting of a transit found in one night: checks for human review."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from light_curves.measurements import LightCurves
from light_curves.robust import NORMAL_MAD, median
from light_curves.search.boxes import Trials, scan, trials_at
from light_curves.search.transits import Box, TransitSearch
from panoptes_network.arrays import Singles
from panoptes_network.database.light_curve_models import VettingValue
from panoptes_network.light_curves.schema import BAD, COLOURS, Quality, Vetting

AGREE_SIGMA = 3.0
ALIKE_SIGMA = 3.0
NEIGHBOURHOOD_PX = 300.0
NEAR_EDGE_PX = 20.0
NEAR_SATURATION_MAG = 0.5
"""A star less than this much fainter than the saturation limit is near saturation."""
SATURATED_PERCENTILE = 90.0
"""Percentile of the saturated stars' magnitudes: the limit, except for a few saturated otherwise.
"""
MOSTLY = 0.5


@dataclass(frozen=True)
class Vetter:
    """Checks of the boxes that a search found; what they share is calculated once.

    Parameters
    ----------
    curves : LightCurves
    search : TransitSearch
        Search of the curves.
    """

    curves: LightCurves
    search: TransitSearch

    def vet(self, star: int, box: Box) -> dict[str, VettingValue]:
        """Return the vetting of a box, by the keys of `Vetting`.

        Parameters
        ----------
        star : int
            Its star's index in the search.
        box : Box
        """
        night = self.search.night
        of_curves = int(night.star[star])
        trial = trials_at(night.time_d, np.array([box.mid_d]), np.array([box.duration_h]))
        depths = self.colour_depths(star, trial)
        return {
            Vetting.ODD_EVEN_SIGMA: None,
            Vetting.COLOURS_AGREE: sum(agrees(depth, box) for depth in depths.values()),
            Vetting.COLOUR_DEPTHS: depths,
            Vetting.NEIGHBOURS_ALIKE: self.neighbours_alike(star, box),
            Vetting.IS_NEAR_SATURATION: self.is_near_saturation(of_curves),
            Vetting.IS_NEAR_EDGE: is_near_edge(self.curves, of_curves),
            Vetting.IS_CROWDED: _has_mostly(self.curves, of_curves, Quality.CROWDED),
            Vetting.N_IN_TRANSIT: int(np.sum((night.weight[star] > 0) & (trial.shape[0] > 0))),
        }

    def colour_depths(self, star: int, trial: Trials) -> dict[str, list[float]]:
        """Return depth and error of each measured colour, for one trial.

        Errors are increased if the colour scatters more around the fit than expected.
        """
        found, curves = {}, self.curves
        of_curves = int(self.search.night.star[star])
        noise = self.search.noise.take(slice(star, star + 1))
        good = (curves.quality[:, of_curves] & int(BAD)) == 0
        for index, colour in enumerate(COLOURS):
            flux = curves.colour_flux[:, of_curves, index].astype(np.float64)
            error = curves.colour_flux_err[:, of_curves, index].astype(np.float64)
            usable = good & np.isfinite(flux) & (error > 0)
            if not usable.any():
                continue
            flux /= np.median(flux[usable])
            weight = np.where(usable, error, np.inf) ** -2
            own = scan(flux[None], weight[None], trial, noise)
            if own.information[0, 0] > 0:
                depth = float(own.depth[0, 0])
                left = (flux + depth * trial.shape[0] - 1)[usable] * np.sqrt(weight[usable])
                spread = NORMAL_MAD * float(np.median(np.abs(left - np.median(left))))
                found[colour] = [depth, max(1.0, spread) * float(own.information[0, 0] ** -0.5)]
        return found

    def neighbours_alike(self, star: int, box: Box) -> int:
        """Return the number of nearby stars that dim in its box, beyond that of distant ones."""
        x, y = self._places
        near = np.hypot(x - x[star], y - y[star]) < NEIGHBOURHOOD_PX
        trials = self.search.trials
        off = np.abs(trials.mid_d - box.mid_d) * 24 + np.abs(trials.duration_h - box.duration_h)
        alike = self.search.deviations[:, off.argmin()] > ALIKE_SIGMA
        far_share = float(alike[~near].mean()) if np.any(~near) else 0.0
        near[star] = False
        return max(0, round(float(alike[near].sum()) - far_share * float(near.sum())))

    @cached_property
    def _places(self) -> tuple[Singles, Singles]:
        """Positions of the search's stars in the middle of the night; NaN if never in a frame."""
        fluxes = self.curves.fluxes
        x, y = (median(place)[self.search.night.star] for place in (fluxes.x_px, fluxes.y_px))
        return x, y

    def is_near_saturation(self, star: int) -> bool:
        """Return whether a star was saturated, or is hardly fainter than saturated stars."""
        has_saturated = (self.curves.quality[:, star] & int(Quality.SATURATED)) != 0
        mag = self.curves.fluxes.field.gaia_mag[star]
        limit = self._saturation_limit
        return bool(has_saturated.any() or mag < limit + NEAR_SATURATION_MAG)

    @cached_property
    def _saturation_limit(self) -> float:
        """Magnitude of the faintest saturated stars; NaN without any.

        Crowded stars do not define the limit: a brighter neighbour may be the saturated one.
        """
        saturated = (self.curves.quality & int(Quality.SATURATED)) != 0
        is_crowded = ((self.curves.quality & int(Quality.CROWDED)) != 0).any(axis=0)
        mags = self.curves.fluxes.field.gaia_mag
        alone = (saturated.mean(axis=0) > MOSTLY) & ~is_crowded & np.isfinite(mags)
        return float(np.percentile(mags[alone], SATURATED_PERCENTILE)) if alone.any() else np.nan


def agrees(depth: list[float], box: Box) -> bool:
    """Return whether a colour's depth agrees with the combined box within their errors."""
    return abs(depth[0] - box.depth) < AGREE_SIGMA * depth[1]


def is_near_edge(curves: LightCurves, star: int) -> bool:
    """Return whether a star crosses the edge in some frame, or comes near it."""
    height, width = curves.fluxes.shape
    x, y = curves.fluxes.x_px[:, star], curves.fluxes.y_px[:, star]
    distance = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    has_edge = (curves.quality[:, star] & int(Quality.EDGE)) != 0
    return bool(has_edge.any() or np.any(distance < NEAR_EDGE_PX))


def _has_mostly(curves: LightCurves, star: int, bit: Quality) -> bool:
    return bool(((curves.quality[:, star] & int(bit)) != 0).mean() > MOSTLY)
