"""An observation's measurements over time, as small plots."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from observations_explorer.charts.scatter_plot import Plot, Quantity, Sample, plot
from panoptes_network.figures import leading
from panoptes_network.nights.statistics import direction, separation_arcmin
from panoptes_network.responses.observations import ImageFacts
from panoptes_network.responses.values import number

Images = Sequence[ImageFacts]
Measure = Callable[[ImageFacts], float | None]


class Measured(NamedTuple):
    """A quantity and its column of an image."""

    column: str
    quantity: Quantity


MEASURED = tuple(
    Measured(
        figure.name,
        Quantity(
            figure.title, "per image" if figure.is_count else figure.plain_unit, figure.plot_digits
        ),
    )
    for figure in leading("fwhm_px", "background_adu")
    if figure.plot_digits is not None
)
DRIFT = Quantity("Offset drift", "arcmin from the first", 2)


def plots(images: Images) -> list[Plot]:
    """Return a plot for each quantity known for at least two of the images, in time order."""
    drawn = [_plot(quantity, images, partial(number, name=column)) for column, quantity in MEASURED]
    return [one for one in [*drawn, _plot(DRIFT, images, _drift(images))] if one]


def _drift(images: Images) -> Measure:
    """Return a function for a field centre's distance from that of the first solved image."""
    centres = (direction(image["ra_deg"], image["dec_deg"]) for image in images)
    first = next((centre for centre in centres if centre), None)

    def measure(image: ImageFacts) -> float | None:
        centre = direction(image["ra_deg"], image["dec_deg"])
        return separation_arcmin(first, centre) if first and centre else None

    return measure


def _plot(quantity: Quantity, images: Images, measure: Measure) -> Plot | None:
    samples = [
        Sample(time.timestamp(), float(value), f"{time:%H:%M:%S} UTC", image["image_id"])
        for image in images
        if (value := measure(image)) is not None and (time := datetime.fromisoformat(image["time"]))
    ]
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    ends = first.label.removesuffix(" UTC"), last.label
    return plot(quantity, samples, ends, (first.at, last.at))
