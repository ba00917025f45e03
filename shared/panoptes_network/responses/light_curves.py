"""Detrended light curves: of a star, and of all stars of a sequence."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from panoptes_network.light_curves.schema import WHOSE_GAIN
from panoptes_network.responses.candidates import KnownAs
from panoptes_network.responses.files import LightCurveFiles
from panoptes_network.responses.values import Count, SortedPage, StarNumber, Time


class CurveFigures(TypedDict):
    """The figures of a star's light curve in one sequence."""

    n_frames: Annotated[Count, Field(description="number of frames with the star")]
    n_good: Annotated[Count, Field(description="number of these frames without a bad quality bit")]
    first_time: Annotated[Time, Field(description="middle of the first exposure")]
    last_time: Annotated[Time, Field(description="middle of the last exposure")]
    scatter: Annotated[
        float | None, Field(description="relative scatter of one frame, all colours")
    ]
    expected_noise: Annotated[
        float | None,
        Field(description=f"expected noise of one frame from photons and readout {WHOSE_GAIN}"),
    ]
    reduced_chi2: Annotated[
        float | None, Field(description="reduced chi-square of a constant star")
    ]
    variability: Annotated[float | None, Field(description="Stetson's J of the colours")]
    quality: Annotated[int, Field(description="quality bits of all frames combined")]


class CurveSummary(CurveFigures):
    """A star's light curve in one sequence, and the files of all light curves of the sequence."""

    sequence_id: str
    made_at: Time | None
    files: LightCurveFiles


class StarPlace(TypedDict):
    """A star's position and magnitude."""

    ra_deg: float
    dec_deg: float
    gaia_mag: float | None


class CurveStar(CurveFigures, StarPlace):
    """A star in the list of a sequence's light curves."""

    picid: StarNumber
    catalog: str
    url: str


class CurvePage(SortedPage):
    """A sequence's light-curve set, and a page of its stars.

    Without light curves, `made_at` is null; `reason` explains why the last attempt failed.
    """

    sequence_id: str
    n_frames: Count | None
    n_stars: Count | None
    photon_limit_ratio: float | None
    made_at: Time | None
    reason_code: str | None
    reason: str | None
    files: LightCurveFiles
    items: list[CurveStar]


class QualityBit(TypedDict):
    """A bit of the quality of a frame."""

    bit: Count
    name: str
    meaning: str


class DetrendedFrame(TypedDict):
    """A star's detrended flux in one frame: see `panoptes_network.light_curves.schema`."""

    image_id: str
    sequence_id: str
    time: Time
    exptime_s: float | None
    airmass: float | None
    zero_point_r: float | None
    zero_point_g: float | None
    zero_point_b: float | None
    sky_r: float | None
    sky_g: float | None
    sky_b: float | None
    fwhm_px: float | None
    cloud_mag: float | None
    n_comparison: int | None
    bjd_tdb: float | None
    flux: float | None
    flux_err: float | None
    flux_r: float | None
    flux_g: float | None
    flux_b: float | None
    flux_err_r: float | None
    flux_err_g: float | None
    flux_err_b: float | None
    raw_flux_r: float | None
    raw_flux_g: float | None
    raw_flux_b: float | None
    raw_flux_err_r: float | None
    raw_flux_err_g: float | None
    raw_flux_err_b: float | None
    background_r: float | None
    background_g: float | None
    background_b: float | None
    x_px: float | None
    y_px: float | None
    quality: int


class StarName(TypedDict):
    """A star by its id and catalog, and its URL."""

    picid: StarNumber
    catalog: str
    url: str


class DetrendedCurve(StarName):
    """A star's detrended light curve; `star` is null without one."""

    method: str
    quality: list[QualityBit]
    star: StarPlace | None
    known: KnownAs
    sequences: list[CurveSummary]
    items: list[DetrendedFrame]
    total: Count
