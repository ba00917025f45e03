"""Observations, their images, and the history of these."""

from typing import NotRequired

from pydantic import JsonValue
from typing_extensions import TypedDict

from panoptes_network.figures import ImageFigures
from panoptes_network.frames.fits_header import CardValue
from panoptes_network.nights.schema import Film, StoredFile
from panoptes_network.responses.files import Files, LightCurveFiles
from panoptes_network.responses.values import Count, Listing, SortedPage, Time


class SequenceFacts(TypedDict):
    """Facts of a sequence, from the headers of its images."""

    sequence_id: str
    unit_id: str
    camera_id: str
    field: str | None
    start_time: Time
    exptime_s: float | None
    iso: int | None
    software: str | None
    mount_ra_deg: float | None
    mount_dec_deg: float | None


class Observation(SequenceFacts):
    """An observation in a list: its facts, the sums over its images, and their newest files."""

    film_reason: str | None
    tags: list[str]
    created_at: Time
    film: Film | None
    night: str | None
    n_images: Count
    states: dict[str, Count]
    ra_deg: float | None
    dec_deg: float | None
    footprint_deg: list[float] | None
    updated_at: Time
    thumbnail: StoredFile | None


class Centre(TypedDict):
    """The circle of a search around a position, which may have been given by name."""

    ra_deg: float
    dec_deg: float
    name: str | None
    radius_deg: float


class FacetCount(TypedDict):
    """A value and the number of observations that have it."""

    value: str
    count: Count


class ObservationPage(SortedPage):
    """A page of observations."""

    items: list[Observation]
    centre: NotRequired[Centre]
    facets: NotRequired[dict[str, list[FacetCount]]]


class ImageFacts(ImageFigures):
    """An image, its measurements and its files."""

    image_id: str
    sequence_id: str
    time: Time
    state: str
    reason_code: str | None
    reason: str | None
    tries: int
    exptime_s: float | None
    ra_deg: float | None
    dec_deg: float | None
    pixel_scale_arcsec: float | None
    rotation_deg: float | None
    footprint_deg: list[float] | None
    processing_s: float | None
    received_at: Time
    updated_at: Time
    files: Files


class ListedImage(ImageFacts):
    """An image in a list, with the number of events in its history."""

    n_events: Count


class ImageList(Listing):
    """The images of an observation, oldest first."""

    items: list[ListedImage]


class FactChange(TypedDict):
    """A change of a fact of a unit or an observation: who or which image changed it, and why."""

    at: Time
    name: str
    old_value: JsonValue
    new_value: JsonValue
    is_pinned: bool
    image_id: str | None
    changed_by: str
    reason: str | None


class ObservationParts(TypedDict):
    """Parts of one observation, beside its row in lists; all files are by kind."""

    fact_changes: list[FactChange]
    light_curves: LightCurveFiles
    images: list[ListedImage]
    files: dict[str, list[StoredFile]]


class WholeObservation(Observation, ObservationParts):
    """One observation with its images."""


class Event(TypedDict):
    """An event in an image's history."""

    image_id: str
    at: Time
    service: str
    state: str
    reason_code: str | None
    reason: str | None


class EventList(Listing):
    """Events, oldest first."""

    items: list[Event]


class BelievedAndHeader(TypedDict):
    """A header card's value, and the one that the network believes instead."""

    believed: JsonValue
    header: JsonValue


class UnusableCard(TypedDict):
    """Why a header card is not used, and what it says."""

    problem: str
    header: str


class StoredImage(ImageFacts):
    """One image as in the database; `headers` are the cards of its FITS header."""

    headers: dict[str, JsonValue]
    contradictions: dict[str, BelievedAndHeader]
    header_findings: dict[str, UnusableCard]
    events: list[Event]


class NeighbouringImage(StoredImage):
    """One image with its sequence and its neighbours in it."""

    sequence: SequenceFacts
    previous_image: str | None
    next_image: str | None


class WholeImage(NeighbouringImage):
    """One image with the cards of its plate solution; pixels in them are 1-based."""

    wcs: dict[str, CardValue] | None
