"""Schema of light curves: columns, and the meaning of the quality bits."""

from enum import IntFlag, StrEnum
from typing import NamedTuple

COLOURS = ("r", "g", "b")


class Quality(IntFlag):
    """Reasons why a measurement may be wrong; 0 if none is known."""

    SATURATED = 1
    EDGE = 2
    NOT_DETECTED = 4
    CROWDED = 8
    CLOUD = 16
    TRAILED = 32
    FEW_COMPARISONS = 64
    OUTLIER = 128
    NO_LEVEL = 256


QUALITY_MEANINGS = {
    Quality.SATURATED: "a pixel of the star is saturated",
    Quality.EDGE: "part of the star is outside the frame",
    Quality.NOT_DETECTED: "source-extractor did not detect the star in this frame",
    Quality.CROWDED: "contaminated by neighbouring catalog stars",
    Quality.CLOUD: "clouds dimmed the frame by more than the comparison stars can correct",
    Quality.TRAILED: "stars in the frame are trailed",
    Quality.FEW_COMPARISONS: "too few comparison stars",
    Quality.OUTLIER: "far from the star's other measurements, in this frame only",
    Quality.NO_LEVEL: "too few frames with the star at this place on the sensor to calibrate it",
}

BAD = (
    Quality.SATURATED
    | Quality.EDGE
    | Quality.CLOUD
    | Quality.TRAILED
    | Quality.FEW_COMPARISONS
    | Quality.OUTLIER
    | Quality.NO_LEVEL
)
"""Bits of measurements excluded from all statistics and searches."""


WHOSE_GAIN = "(gain of PAN001's camera at ISO 100)"
"""Caveat for a noise from photons and readout: gains of other cameras are not known."""


class Column(NamedTuple):
    """A column of the light-curve file: name, Arrow type, unit (FITS), and description."""

    name: str
    arrow_type: str
    unit: str | None
    description: str


def _of_each_colour(name: str, unit: str | None, description: str) -> list[Column]:
    return [
        Column(f"{name}_{colour}", "float", unit, f"{description}, {word}")
        for colour, word in zip(COLOURS, ("red", "green", "blue"), strict=True)
    ]


FRAME_COLUMNS = (
    Column("image_id", "string", None, "id of the image"),
    Column(
        "time",
        "timestamp[us, tz=UTC]",
        None,
        "middle of the exposure, UTC; its start is the image's id:"
        " whole seconds of the unit's clock",
    ),
    Column("exptime_s", "float", "s", "exposure"),
    Column("airmass", "float", None, "airmass of the frame's centre"),
    *_of_each_colour("zero_point", "mag", "Gaia G of a star of 1 ADU/s in the frame's centre"),
    *_of_each_colour("sky", "adu", "level of the sky above black, median of the frame"),
    Column("fwhm_px", "float", "pix", "width of the stars, full at half maximum"),
    Column("cloud_mag", "float", "mag", "light lost against the sequence's clearest frames"),
    Column("n_comparison", "int32", None, "comparison stars in the frame"),
)
"""Columns of a frame, the same for all its stars."""

MEASUREMENT_COLUMNS = (
    Column("bjd_tdb", "double", "d", "middle of the exposure at the barycentre, BJD in TDB"),
    Column("flux", "float", None, "relative flux, colours combined, detrended; median 1"),
    Column("flux_err", "float", None, "its standard deviation"),
    *_of_each_colour("flux", None, "relative flux, detrended; median 1"),
    *_of_each_colour("flux_err", None, "standard deviation of the relative flux"),
    *_of_each_colour("raw_flux", "adu", "flux from the PSF fit"),
    *_of_each_colour(
        "raw_flux_err",
        "adu",
        f"standard deviation of the flux, photons and readout {WHOSE_GAIN}",
    ),
    *_of_each_colour("background", "adu", "level of the sky above black at the star"),
    Column("x_px", "float", "pix", "column of the star, from 0, mosaic pixels"),
    Column("y_px", "float", "pix", "row of the star, from 0, mosaic pixels"),
    Column("quality", "int32", None, "bits of Quality; 0 is good"),
)
"""Columns of one star in one frame."""

STAR_COLUMNS = (
    Column("picid", "int64", None, "id of the star in its catalog"),
    Column("catalog", "string", None, "catalog of the id: tic or gaia"),
    Column("ra_deg", "double", "deg", "right ascension, ICRS, at the catalog's epoch"),
    Column("dec_deg", "double", "deg", "declination, ICRS, at the catalog's epoch"),
    Column("gaia_mag", "float", "mag", "Gaia G"),
)
"""Columns of a star, the same in all frames."""

PARQUET_COLUMNS = (*STAR_COLUMNS, *FRAME_COLUMNS, *MEASUREMENT_COLUMNS)
"""Columns of the Parquet file: one row per star and frame, a star's rows contiguous and in order of
time.
"""


class CandidateKind(StrEnum):
    """Kinds of candidates."""

    TRANSIT = "transit"
    VARIABLE = "variable"


class Vetting(StrEnum):
    """Checks of a candidate for human review: the keys of `vetting`."""

    ODD_EVEN_SIGMA = "odd_even_sigma"
    """Difference between the depths of odd and even transits, in standard deviations; or null."""
    COLOURS_AGREE = "colours_agree"
    """Number of colours, of 3, whose own depth agrees with the combined one within 3 deviations."""
    COLOUR_DEPTHS = "colour_depths"
    """Depth and error of each colour."""
    NEIGHBOURS_ALIKE = "neighbours_alike"
    """Number of other stars within 300 px that dim at the same time, beyond chance."""
    IS_NEAR_SATURATION = "is_near_saturation"
    IS_NEAR_EDGE = "is_near_edge"
    IS_CROWDED = "is_crowded"
    N_IN_TRANSIT = "n_in_transit"
    """Good frames in the box."""
