"""Sources of images; stars, their stamps and raw light curves."""

from typing import Literal

from typing_extensions import TypedDict

from panoptes_network.responses.candidates import Candidate
from panoptes_network.responses.light_curves import CurveSummary, StarName
from panoptes_network.responses.values import Count, Page, StarNumber, Time


class Source(TypedDict):
    """A source of an image: a detection, or an undetected catalog star."""

    number: int
    picid: StarNumber | None
    catalog: str | None
    mag: float | None
    ra_deg: float
    dec_deg: float
    x_px: float
    y_px: float
    separation_arcsec: float | None
    flux_adu: float
    flux_err_adu: float
    peak_adu: float
    fwhm_px: float | None
    ellipticity: float | None
    flags: int
    is_detected: bool
    neighbour_flux: float | None
    has_stamp: bool
    url: str | None


class SourcePage(Page):
    """A page of an image's sources."""

    image_id: str
    items: list[Source]


class CatalogEntry(TypedDict):
    """Catalog entry of a star.

    Position in ICRS degrees at the Julian year epoch_yr; proper motion in mas per year; magnitudes;
    temperature. Unknown values are null.
    """

    catalog: Literal["tic", "gaia"]
    ra_deg: float
    dec_deg: float
    epoch_yr: float
    pmra_masyr: float | None
    pmdec_masyr: float | None
    mag: float | None
    gaia_mag: float | None
    teff_k: float | None


class Visit(TypedDict):
    """A sequence with a star, and the number of its frames that have it."""

    sequence_id: str
    field: str | None
    unit_id: str
    camera_id: str
    start_time: Time
    n_visits: Count


class SeenStar(TypedDict):
    """A star: its catalog entry, its place in its newest image, and its newest visits."""

    picid: StarNumber
    url: str
    names: list[str]
    ra_deg: float | None
    dec_deg: float | None
    catalog: CatalogEntry | None
    n_visits: Count
    n_sequences: Count
    first_time: Time | None
    last_time: Time | None
    visits: list[Visit]


class Star(SeenStar):
    """A star with its detrended light curves and its candidates."""

    light_curves: list[CurveSummary]
    candidates: list[Candidate]


class Frame(TypedDict):
    """A frame with a star, and the star's place and flux in it."""

    image_id: str
    sequence_id: str
    time: Time
    exptime_s: float | None
    x_px: float
    y_px: float
    flux_adu: float
    flux_err_adu: float
    flags: int
    is_detected: bool
    stamp_x: int
    stamp_y: int
    stamp_side: int


class Stamp(Frame):
    """A stamp: rows of raw values, black level included, ``[y][x]``."""

    pixels: list[list[int]]


class StampPage(StarName):
    """A page of a star's stamps, oldest first."""

    items: list[Stamp]
    next: str | None


class Aperture(TypedDict):
    """The aperture of the raw photometry."""

    radius_px: float
    centre: str
    background: str


class ComparisonStar(TypedDict):
    """A star that others were compared with."""

    picid: StarNumber
    url: str


class ColourScatter(TypedDict):
    """The scatter of each colour's relative flux."""

    r: float | None
    g: float | None
    b: float | None


class RawSequence(TypedDict):
    """A sequence's part of a raw light curve."""

    sequence_id: str
    n_frames: Count
    comparison: list[ComparisonStar]
    scatter: ColourScatter


class RawFrame(TypedDict):
    """A star's raw flux in one frame."""

    image_id: str
    sequence_id: str
    time: Time
    mjd: float | None
    exptime_s: float | None
    flux_r: float | None
    flux_err_r: float | None
    relative_r: float | None
    relative_err_r: float | None
    flux_g: float | None
    flux_err_g: float | None
    relative_g: float | None
    relative_err_g: float | None
    flux_b: float | None
    flux_err_b: float | None
    relative_b: float | None
    relative_err_b: float | None
    n_comparison: int
    flags: int


class RawCurve(StarName):
    """A star's raw light curve; `comparison` are the ids of all comparison stars."""

    method: str
    aperture: Aperture
    comparison: list[StarNumber]
    sequences: list[RawSequence]
    items: list[RawFrame]
    total: Count
