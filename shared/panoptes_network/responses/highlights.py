"""Highlights of the network: the picture of the night, the newest films, and counts."""

from typing_extensions import TypedDict

from panoptes_network.nights.schema import StoredFile
from panoptes_network.responses.observations import Observation
from panoptes_network.responses.values import Count, Time


class NightPicture(TypedDict):
    """The image of the newest night that shows the most stars, and its preview."""

    image_id: str
    time: Time
    unit_id: str
    field: str | None
    n_sources: Count
    preview: StoredFile


class Highlights(TypedDict):
    """Highlights of the network.

    `n_units_awake` units sent an image within half an hour, `n_images_last_day` images arrived
    within 24 hours, `n_stars` stars got light curves within 30 days, `n_candidates` may have a
    planet or are variable.
    """

    picture: NightPicture | None
    films: list[Observation]
    n_units_awake: Count
    n_images_last_day: Count
    n_stars: Count
    n_candidates: Count
