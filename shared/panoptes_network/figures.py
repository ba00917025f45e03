"""The figures that the plate solver measures in each image: one row for each.

The columns of `images`, the tables and schemas of observations-data, the cone search, the pages and
the report of a night take name, unit and words from here.
"""

from collections.abc import Callable
from dataclasses import dataclass

# pydantic takes those of `typing` from Python 3.12 on.
from typing_extensions import TypedDict


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure's change for the worse during a night, with words for its unit's owner.

    `is_worse` compares the medians of the first and the last third of the night. `title` and
    `digits` are for the report; `meaning` says what happened, `action` what to do.
    """

    is_worse: Callable[[float, float], bool]
    title: str
    digits: int
    meaning: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of an image.

    Attributes
    ----------
    name : str
        Its column in the database and its key in JSON.
    description : str
        For tables and schemas.
    unit : str, optional
        A VOUnit.
    ucd : str
        Its meaning in the Virtual Observatory's vocabulary.
    is_count : bool
        A whole number instead of a real one.
    cone_verbosity : int, optional
        Least verbosity of a cone search that has it; None if none has.
    title : str
        Label on pages.
    heading : str, optional
        Column heading in the tables of pages, without the unit; None if they leave it out.
    digits : int
        Decimal places on pages.
    plot_digits : int, optional
        Decimal places of its plot over an observation; None if there is no plot.
    trend : Trend, optional
        Part of the report of a night; None if the report leaves it out.
    """

    name: str
    description: str
    unit: str | None = None
    ucd: str
    is_count: bool = False
    cone_verbosity: int | None = 3
    title: str
    heading: str | None = None
    digits: int = 0
    plot_digits: int | None = None
    trend: Trend | None = None

    @property
    def plain_unit(self) -> str:
        """The unit as text for people."""
        return _PLAIN_UNITS.get(self.unit or "", self.unit or "")


class ImageFigures(TypedDict):
    """The fields of an image for `FIGURES`, for type checks; a test compares their names."""

    rms_arcsec: float | None
    n_sources: int | None
    n_matched: int | None
    n_stamps: int | None
    fwhm_px: float | None
    background_adu: float | None
    limiting_mag: float | None
    zero_point_mag: float | None


_PLAIN_UNITS = {"pix": "px", "adu": "ADU"}

FIGURES = (
    Figure(
        name="rms_arcsec",
        description="residual of the solution, RMS",
        unit="arcsec",
        ucd="stat.rms;pos",
        title="Astrometric rms",
        heading="Rms",
        digits=2,
        plot_digits=2,
        trend=Trend(
            lambda first, last: last > 1.5 * first,
            "position rms",
            2,
            "positions became less accurate",
            "Mostly wider or trailed stars: check focus and tracking.",
        ),
    ),
    Figure(
        name="n_sources",
        description="detected sources",
        ucd="meta.number;src",
        is_count=True,
        cone_verbosity=2,
        title="Sources",
        heading="Sources",
        plot_digits=0,
    ),
    Figure(
        name="n_matched",
        description="number of sources matched to a catalog star",
        ucd="meta.number;src",
        is_count=True,
        title="Matched",
        heading="Matched",
    ),
    Figure(
        name="n_stamps",
        description="number of catalog stars with a stamp, detected or not",
        ucd="meta.number",
        is_count=True,
        cone_verbosity=None,
        title="Stamps",
        heading="Stamps",
    ),
    Figure(
        name="fwhm_px",
        description="median width of the stars",
        unit="pix",
        ucd="phys.angSize;stat.median",
        title="Star width (FWHM)",
        heading="FWHM",
        digits=2,
        plot_digits=2,
        trend=Trend(
            lambda first, last: last > 1.3 * first,
            "star width",
            1,
            "stars became wider",
            "Dew on the lens, or focus drifting as it cools: heat the lens and tape the focus"
            " ring.",
        ),
    ),
    Figure(
        name="background_adu",
        description="median background",
        unit="adu",
        ucd="instr.background",
        title="Sky background",
        heading="Sky",
        plot_digits=0,
        trend=Trend(
            # A change of a few ADU in a dark sky is not brightening.
            lambda first, last: last > 1.5 * first and last - first > 50,
            "sky background",
            0,
            "the sky became brighter",
            "Moonrise, twilight, clouds lit by a town, or a lamp near the unit.",
        ),
    ),
    Figure(
        name="limiting_mag",
        description="limiting magnitude",
        unit="mag",
        ucd="phot.mag;stat.max",
        cone_verbosity=2,
        title="Limiting magnitude",
        heading="Limit",
        digits=1,
        plot_digits=2,
        trend=Trend(
            lambda first, last: last < first - 0.5,
            "limiting magnitude",
            1,
            "faint stars disappeared",
            "Clouds, haze, or dew on the lens: look at the last pictures.",
        ),
    ),
    Figure(
        name="zero_point_mag",
        description="catalog magnitude of a star of 1 ADU",
        unit="mag",
        ucd="phot.mag;arith.zp",
        title="Zero point magnitude",
        digits=2,
        plot_digits=2,
    ),
)


BY_NAME = {figure.name: figure for figure in FIGURES}


def leading(*names: str) -> tuple[Figure, ...]:
    """Return all figures, those of these names first."""
    first = [BY_NAME[name] for name in names]
    return (*first, *(figure for figure in FIGURES if figure not in first))


TRENDS = {figure.name: figure.trend for figure in leading("fwhm_px") if figure.trend}
"""Trends of the figures in the report of a night."""
