"""Notices of finished nights, from the night reports of observations-data.

A night is finished when it is morning at the unit, nothing has arrived for a while, and no
image is being processed.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

import requests
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Date, Interval, Text, cast, column, func, select, values
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database import refusals
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, ImageEvent, Sequence, Unit
from panoptes_network.database.notice_models import Notice
from panoptes_network.database.times import has_plausible
from panoptes_network.errors import TransientError
from panoptes_network.nights.findings import PATIENCE_S, count
from panoptes_network.nights.night import Night, noon_offset
from panoptes_network.nights.schema import NightReport
from panoptes_network.nights.text import VERDICTS
from panoptes_network.telemetry import trace
from panoptes_network.web import identity_token

KIND = "night"
WINDOW = timedelta(days=3)
"""Nights with uploads within this time are looked at: longer than a weekend's outage of ours."""
MORNING = timedelta(hours=20)
"""Time from local noon to 8:00 in the morning, when no unit takes images."""
LONGEST_WORK = timedelta(hours=6)
"""A night with unfinished images is reported all the same if nothing has arrived for this time."""

_HALF_DAY = timedelta(hours=12)
_REPORT = TypeAdapter(NightReport[str])


class UnitNight(NamedTuple):
    """A unit's night, and when its last file arrived."""

    unit_id: str
    night: Night
    last_arrival: datetime


def due(now: datetime) -> list[UnitNight]:
    """Return the nights that are over and quiet and have no notice yet.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    found = run_transaction(lambda session: _unreported(session, now))
    return [one for one in found if _is_over(one, now)]


def notice_of(one: UnitNight, now: datetime) -> Notice | None:
    """Return the notice of a night; None while its images are processed, or if it has no files.

    Raises
    ------
    TransientError
        If observations-data does not return the night's report.
    """
    report = _report(one)
    if report["verdict"] == "empty" or (_is_in_work(report) and now < _patience_ends(one)):
        return None
    n_images = report["n_images"]
    what = f"{count(n_images, 'image')}, {VERDICTS[report['verdict']]}"
    return Notice(
        unit_id=one.unit_id,
        night=one.night.date,
        kind=KIND,
        title=f"{one.unit_id}, night of {one.night.date}: {what}",
        n_images=n_images,
        findings=[
            {"severity": one["severity"], "what": one["what"], "action": one["action"]}
            for one in report["findings"]
        ],
    )


def _is_over(one: UnitNight, now: datetime) -> bool:
    # Without the longitude, nobody knows when it is morning there.
    is_known = one.night.longitude_deg is not None
    morning = one.night.start + MORNING if is_known else one.night.end
    return now >= max(morning, one.last_arrival + timedelta(seconds=settings().night_quiet_s))


def _is_in_work(report: NightReport[str]) -> bool:
    waits = report["waiting"]
    is_hopeful = waits["count"] > 0 and (waits["oldest_s"] or 0.0) <= PATIENCE_S
    return is_hopeful or waits["n_cr2_only"] > 0


def _patience_ends(one: UnitNight) -> datetime:
    return one.last_arrival + LONGEST_WORK


def _unreported(session: Session, now: datetime) -> list[UnitNight]:
    longitudes = {
        unit.unit_id: unit.longitude_deg
        for unit in session.execute(select(Unit.unit_id, Unit.longitude_deg))
    }
    arrivals: dict[tuple[str, date], datetime] = {}
    for unit_id, night, last in [
        *_images(session, longitudes, now - WINDOW),
        *_refused(session, longitudes, now - WINDOW),
    ]:
        arrivals[unit_id, night] = max(last, arrivals.get((unit_id, night), last))
    known = select(Notice.unit_id, Notice.night).where(
        Notice.kind == KIND, Notice.night.in_({night for _, night in arrivals})
    )
    for reported in session.execute(known):
        arrivals.pop((reported[0], reported[1]), None)
    return [
        UnitNight(unit_id, Night.of(night, longitudes.get(unit_id)), last)
        for (unit_id, night), last in arrivals.items()
    ]


def _images(
    session: Session, longitudes: dict[str, float | None], since: datetime
) -> Iterable[tuple[str, date, datetime]]:
    """Return the nights of the images that arrived since then, and the last arrival of each."""
    if not longitudes:
        return []
    noons = values(column("unit_id", Text), column("noon", Interval), name="noons").data(
        [(unit_id, noon_offset(longitude)) for unit_id, longitude in longitudes.items()]
    )
    night = cast(func.timezone("UTC", Image.time) - noons.c.noon - _HALF_DAY, Date)
    dated = (
        select(noons.c.unit_id, night.label("night"), Image.received_at)
        .join_from(Image, Sequence, Sequence.sequence_id == Image.sequence_id)
        .join(noons, noons.c.unit_id == Sequence.unit_id)
        .where(Image.received_at > since, has_plausible(Image.time))
        .subquery()
        .c
    )
    query = select(dated.unit_id, dated.night, func.max(dated.received_at))
    rows = session.execute(query.group_by(dated.unit_id, dated.night))
    return [(unit_id, on, last) for unit_id, on, last in rows]


def _refused(
    session: Session, longitudes: dict[str, float | None], since: datetime
) -> Iterable[tuple[str, date, datetime]]:
    """Return the nights of the files refused since then."""
    query = refusals.standing().where(ImageEvent.at > since)
    # A unit may have sent more bad files than there is memory for.
    found = session.scalars(query.execution_options(yield_per=1000))
    for refusal in found:
        unit_id = refusals.unit_of(str(refusal.bucket_path))
        if unit_id is not None:
            moment = refusals.time_of(refusal)
            yield unit_id, Night.holding(moment, longitudes.get(unit_id)).date, refusal.at


def _report(one: UnitNight) -> NightReport[str]:
    base = settings().observations_data_url.rstrip("/")
    url = f"{base}/units/{quote(one.unit_id, safe='')}/nights/{one.night.date.isoformat()}"
    try:
        headers = {**trace.headers(), **identity_token.headers(url)}
        answer = requests.get(url, headers=headers, timeout=settings().request_timeout_s)
        answer.raise_for_status()
        return _REPORT.validate_python(answer.json())
    except (requests.RequestException, ValidationError) as error:
        raise TransientError(f"observations-data returned no night report: {error}") from error
