"""Units and their nights."""

from typing import Generic, Literal

from typing_extensions import TypedDict

from panoptes_network.nights.schema import Finding, NightReport, T
from panoptes_network.responses.files import Files
from panoptes_network.responses.observations import FactChange
from panoptes_network.responses.values import Count, Listing, Time


class UnitFacts(TypedDict):
    """A unit's own data."""

    unit_id: str
    name: str | None
    latitude_deg: float | None
    longitude_deg: float | None
    elevation_m: float | None


class Unit(UnitFacts):
    """A unit in the list: its data, and its numbers of images and nights."""

    n_images: Count
    n_nights: Count
    first_image: Time | None
    last_image: Time | None
    last_night: str | None


class UnitList(Listing):
    """All units."""

    items: list[Unit]


class ChangedUnit(UnitFacts):
    """A unit's own data, and the last changes of it."""

    changes: list[FactChange]


class Night(TypedDict):
    """A night of a unit in the list."""

    date: str
    n_images: Count
    first_image: Time
    last_image: Time
    states: dict[str, Count]


class NightPage(TypedDict):
    """A page of a unit's nights; `next` is the date of the first one of the next page."""

    unit: ChangedUnit
    items: list[Night]
    next: str | None


class ShownImage(TypedDict, Generic[T]):
    """An image on the night's timeline; `files` by kind."""

    image_id: str
    sequence_id: str
    camera_id: str
    time: T
    exptime_s: float | None
    state: str
    reason_code: str | None
    rms_arcsec: float | None
    fwhm_px: float | None
    background_adu: float | None
    limiting_mag: float | None
    files: Files


class UnitNight(NightReport[T], Generic[T]):
    """A night report with the unit and the images."""

    unit: UnitFacts
    images: list[ShownImage[T]]


class Notice(TypedDict):
    """Something that the unit's owner was told: a finished night, or no images since that night."""

    night: str
    kind: Literal["night", "silence"]
    title: str
    n_images: Count
    findings: list[Finding]
    time: Time


class NoticeList(TypedDict):
    """A unit's newest notices."""

    unit_id: str
    items: list[Notice]


class SubscriptionLink(TypedDict):
    """The subscription of an unsubscribe link: its unit, and whether it was ended."""

    unit_id: str
    is_ended: bool
