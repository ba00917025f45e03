"""Content of the pages of units and their nights, fetched from observations-data."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from observations_explorer.charts import calendar
from observations_explorer.charts import night as night_chart
from observations_explorer.data_service import fetch, post
from observations_explorer.pages.content import Content
from panoptes_network.nights.text import VERDICTS
from panoptes_network.responses.units import (
    NightPage,
    ShownImage,
    SubscriptionLink,
    UnitList,
    UnitNight,
)
from panoptes_network.states import FileKind

NIGHTS_ON_A_PAGE = 120
MAX_PICTURES = 18


def units() -> Content:
    """Return the content of the page of all units."""
    return {"units": fetch(UnitList, "/units")["items"]}


def nights(unit_id: str, parameters: Mapping[str, str]) -> Content:
    """Return the content of a unit's page: its nights as a calendar."""
    before = parameters.get("before", "")
    path, limit = f"/units/{quote(unit_id)}/nights", str(NIGHTS_ON_A_PAGE)
    found = fetch(NightPage, path, before=before, limit=limit)
    return {
        "unit": found["unit"],
        "nights": found["items"],
        "months": calendar.months(found["items"], *_known_days(found, before)),
        "following": found["next"],
        "is_first": not before,
    }


def night(unit_id: str, day: str) -> Content:
    """Return the content of a night report."""
    report = fetch(UnitNight[str], f"/units/{quote(unit_id)}/nights/{quote(day)}")
    pictured = [image for image in report["images"] if image["files"].get(FileKind.THUMBNAIL)]
    on = date.fromisoformat(report["date"])
    return {
        "report": report,
        "charts": night_chart.charts(report),
        "pictures": _spread(pictured, MAX_PICTURES),
        "n_pictured": len(pictured),
        "evening": on,
        "day_before": on - timedelta(days=1),
        "day_after": on + timedelta(days=1),
        "sequence_of": {image["image_id"]: image["sequence_id"] for image in report["images"]},
        "verdicts": VERDICTS,
    }


def subscription(token: str) -> Content:
    """Return the content of the page that ends a subscription."""
    return {"link": fetch(SubscriptionLink, f"/unsubscribe/{quote(token, safe='')}")}


def end_subscription(token: str) -> Content:
    """End a subscription, and return the content of its page."""
    return {"link": post(SubscriptionLink, f"/unsubscribe/{quote(token, safe='')}")}


def _known_days(found: NightPage, before: str) -> tuple[date | None, date]:
    """Return the first and the last day on a page of nights."""
    first = date.fromisoformat(found["items"][-1]["date"]) if found["next"] else None
    # East of Greenwich, an evening may begin on the previous day in UTC.
    today = datetime.now(UTC).date() + timedelta(days=1)
    return first, date.fromisoformat(before) - timedelta(days=1) if before else today


def _spread(images: list[ShownImage[str]], most: int) -> list[ShownImage[str]]:
    """Return at most a number of images, evenly spread from first to last."""
    if len(images) <= most:
        return images
    return [images[round(n * (len(images) - 1) / (most - 1))] for n in range(most)]
