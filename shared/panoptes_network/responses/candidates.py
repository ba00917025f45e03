"""Candidates: stars with a transit or variability found in their light curves."""

from typing_extensions import TypedDict

from panoptes_network.responses.values import SortedPage, StarNumber, Time


class Checks(TypedDict, total=False):
    """The checks of a candidate for human review: see `panoptes_network.light_curves.schema`."""

    odd_even_sigma: float | None
    colours_agree: int
    colour_depths: dict[str, list[float]]
    neighbours_alike: int
    is_near_saturation: bool
    is_near_edge: bool
    is_crowded: bool
    n_in_transit: int


class Candidate(TypedDict):
    """A candidate."""

    candidate_id: int
    kind: str
    picid: StarNumber
    catalog: str
    sequence_id: str | None
    ra_deg: float
    dec_deg: float
    gaia_mag: float | None
    n_nights: int
    significance: float
    false_alarm_probability: float
    depth: float | None
    depth_err: float | None
    duration_h: float | None
    mid_bjd_tdb: float | None
    period_d: float | None
    amplitude: float | None
    known_name: str | None
    known_kind: str | None
    vetting: Checks
    found_at: Time
    url: str
    star_url: str


class CandidatePage(SortedPage):
    """A page of candidates."""

    items: list[Candidate]


class KnownAs(TypedDict):
    """The known planet or variable that a star is; null for other stars."""

    known_name: str | None
    known_kind: str | None
