"""The state of the network: coverage, refused uploads, work in progress, statistics."""

from typing_extensions import TypedDict

from panoptes_network.responses.values import Count, Listing, Page, Time


class Status(TypedDict):
    """Whether the service is well."""

    status: str


class SkyCell(TypedDict):
    """A cell of the sky, and the observations whose centre is in it."""

    ra_min_deg: float
    ra_max_deg: float
    dec_min_deg: float
    dec_max_deg: float
    n_observations: Count
    n_images: Count
    exposure_s: float | None


class Coverage(Listing):
    """The cells with observations."""

    items: list[SkyCell]


class RefusedUpload(TypedDict):
    """A refused upload, with the reason and the remedy."""

    bucket_path: str
    generation: str | None
    unit_id: str | None
    at: Time
    state: str
    reason_code: str | None
    reason: str | None
    meaning: str
    action: str


class RefusedUploadPage(Page):
    """A page of refused uploads."""

    items: list[RefusedUpload]


class FailureCount(TypedDict):
    """Images of the last day that failed for one reason; `image_id` and `last` are of the last."""

    state: str
    reason_code: str | None
    count: Count
    last: Time
    image_id: str
    meaning: str
    action: str


class PipelineStatus(TypedDict):
    """The pipeline's status; `waiting` are seconds by state."""

    time: Time
    states: dict[str, Count]
    waiting: dict[str, float]
    dead_letters: Count
    films_due: Count
    last_day: dict[str, Count]
    failures: list[FailureCount]


class Sums(TypedDict):
    """Sums over observations; `exposure_s` is null if there are images but no known exposure."""

    n_sequences: Count
    n_images: Count
    n_sources: Count
    n_matched: Count
    exposure_s: float | None


class AllSums(Sums):
    """Sums over all observations and all files whose sizes are recorded."""

    n_files: Count
    n_bytes: Count


class UnitSums(Sums):
    """Sums over a unit's observations."""

    unit_id: str


class NightSums(UnitSums):
    """Sums over a unit's observations in one night."""

    night: str


class FileSums(TypedDict):
    """Number and size of the files of one kind."""

    kind: str
    n_files: Count
    n_bytes: Count


class CatalogSize(TypedDict):
    """Number of the loaded stars of a catalog."""

    catalog: str
    n_stars: Count


class NewestImage(TypedDict):
    """The most recently taken image."""

    image_id: str
    sequence_id: str
    time: Time
    unit_id: str


class Statistics(TypedDict):
    """Statistics of the network; `nights` are those from `after` to `before`, newest first."""

    totals: AllSums
    states: dict[str, Count]
    files: list[FileSums]
    catalog: list[CatalogSize]
    newest_image: NewestImage | None
    units: list[UnitSums]
    after: str
    before: str
    nights: list[NightSums]
