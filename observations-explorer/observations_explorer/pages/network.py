"""Content of the network pages: sky coverage, statistics, and pipeline status."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import degrees, log, radians, sin
from urllib.parse import urlencode

from werkzeug.exceptions import NotFound

from observations_explorer import data_service
from observations_explorer.charts import calendar, network
from observations_explorer.data_service import fetch
from observations_explorer.formatting import dms, figure, hms
from observations_explorer.maps import sky_map
from observations_explorer.maps.projection import Place
from observations_explorer.pages.content import Content
from observations_explorer.static_files import VENDOR
from panoptes_network.config import settings
from panoptes_network.responses.network import (
    Coverage,
    PipelineStatus,
    RefusedUploadPage,
    SkyCell,
    Statistics,
)
from panoptes_network.responses.observations import ObservationPage
from panoptes_network.responses.units import UnitList
from panoptes_network.states import FAILED_STATES, WAITING_STATES

ATLAS = VENDOR / "aladin-lite" / "aladin.js"
N_OUTLINES = 200
"""Newest observations whose footprints are drawn over the cells."""
ONE_DAY = timedelta(days=1)
N_LEVELS = 5
N_LISTED = 20
WHOLE_SKY_SQDEG = 41_253


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the sky: its outline on the map, its density level from 1, its label and middle."""

    outline: str
    level: int
    words: str
    address: str
    ra_deg: float
    dec_deg: float
    counts: SkyCell


def sky() -> Content:
    """Return the content of the sky page."""
    covered = fetch(Coverage, "/coverage")["items"]
    newest = fetch(ObservationPage, "/observations", limit=str(N_OUTLINES))["items"]
    ground = sky_map.WholeSky()
    most = max((cell["n_observations"] for cell in covered), default=1)
    cells = [_cell(cell, most, ground) for cell in covered]
    return {
        "sky": ground,
        "milky_way": sky_map.milky_way(ground),
        "cells": cells,
        "most": most,
        "listed": sorted(cells, key=lambda cell: -cell.counts["n_observations"])[:N_LISTED],
        "outlines": [
            sky_map.footprint(ground, one["footprint_deg"])
            for one in newest
            if one["footprint_deg"]
        ],
        "covered_sqdeg": sum(map(_area_sqdeg, covered)),
        "share": sum(map(_area_sqdeg, covered)) / WHOLE_SKY_SQDEG,
        "has_atlas": ATLAS.exists(),
    }


def atlas() -> Content:
    """Return the content of the sky atlas page: the newest frames, for its script.

    Raises
    ------
    werkzeug.exceptions.NotFound
        If the atlas was not installed at setup.
    """
    if not ATLAS.exists():
        raise NotFound("The sky atlas is an option that is not installed here: make aladin.")
    newest = fetch(ObservationPage, "/observations", limit=str(N_OUTLINES))["items"]
    frames = [
        {
            "corners_deg": sky_map.corners(one["footprint_deg"]),
            "address": f"/observations/{one['sequence_id']}",
            "words": one["field"] or one["sequence_id"],
        }
        for one in newest
        if one["footprint_deg"]
    ]
    return {"frames": frames}


def statistics(parameters: Mapping[str, str]) -> Content:
    """Return the content of the statistics page, for the nights in its URL."""
    asked = {name: parameters.get(name, "") for name in ("after", "before")}
    found = fetch(Statistics, "/stats", **asked)
    first, last = (date.fromisoformat(day) for day in (found["after"], found["before"]))
    units = [unit["unit_id"] for unit in found["units"]]
    seen = {night["unit_id"] for night in found["nights"]}
    shown = [{"unit_id": unit, "colour": n} for n, unit in enumerate(units) if unit in seen]
    length = last - first
    return {
        "totals": found["totals"],
        "n_stars": sum(catalog["n_stars"] for catalog in found["catalog"]),
        "counts": Counter(found["states"]),
        "bar": calendar.bar(found["states"]) if found["states"] else None,
        "units": found["units"],
        "shown_units": shown,
        "nights": found["nights"],
        "first": first,
        "last": last,
        "earlier": (first - length - ONE_DAY, first - ONE_DAY),
        "is_newest": not any(asked.values()),
        "charts": network.charts(found["nights"], units, first, last),
    }


def status() -> Content:
    """Return the content of the pipeline status page."""
    missing = data_service.missing()
    found = fetch(PipelineStatus, "/status")
    now = datetime.fromisoformat(found["time"])
    units = fetch(UnitList, "/units")["items"]
    newest_first = sorted(units, key=lambda unit: unit["last_image"] or "", reverse=True)
    return {
        "status": found,
        "missing": missing,
        "n_images": sum(found["states"].values()),
        "bar": calendar.bar(found["states"]),
        "n_last_day": sum(found["last_day"].values()),
        "n_failed": sum(found["last_day"].get(state, 0) for state in FAILED_STATES),
        "waiting": [
            (state, found["states"][state], found["waiting"][state]) for state in WAITING_STATES
        ],
        "verdict": _verdict(found, missing),
        "late_s": settings().sweep_lease_s,
        "n_refused": fetch(RefusedUploadPage, "/uploads", limit="1")["total"],
        "units": [{**unit, "age_s": _age_s(unit["last_image"], now)} for unit in newest_first],
    }


def uploads(parameters: Mapping[str, str]) -> Content:
    """Return the content of the page of refused uploads, for the filters in its URL."""
    names = ("unit", "reason_code", "cursor")
    asked = {name: parameters.get(name, "") for name in names}
    found = fetch(RefusedUploadPage, "/uploads", **asked)
    return {
        "uploads": found["items"],
        "total": found["total"],
        "following": found["next"],
        "is_first": not asked["cursor"],
        "unit": asked["unit"],
        "reason_code": asked["reason_code"],
    }


def _verdict(found: PipelineStatus, missing: str | None) -> tuple[str, str]:
    """Return the style of the equivalent night verdict, and the status in words."""
    if missing or found["dead_letters"]:
        return "problems", "operator action required"
    if max(found["waiting"].values()) > settings().sweep_lease_s:
        return "waiting", "images are waiting longer than usual"
    if any(found["states"][state] for state in WAITING_STATES):
        return "waiting", "images are being processed"
    return "good", "everything is processed"


def _age_s(time: str | None, now: datetime) -> float | None:
    # A unit's clock may be somewhat ahead.
    return max(0.0, (now - datetime.fromisoformat(time)).total_seconds()) if time else None


def _cell(cell: SkyCell, most: int, ground: sky_map.WholeSky) -> Cell:
    count = cell["n_observations"]
    share = log(count) / log(most) if most > 1 else 1.0
    ra_deg = (cell["ra_min_deg"] + cell["ra_max_deg"]) / 2
    dec_deg = (cell["dec_min_deg"] + cell["dec_max_deg"]) / 2
    around = f"around {hms(ra_deg)[:7]} {dms(dec_deg)[:4]}"
    height_deg = cell["dec_max_deg"] - cell["dec_min_deg"]
    search = {"near": f"{ra_deg:.2f} {dec_deg:+.2f}", "radius": f"{0.75 * height_deg:g}"}
    return Cell(
        ground.outline(_border(cell)),
        1 + round(share * (N_LEVELS - 1)),
        f"{figure(count)} observations, {figure(cell['n_images'])} images {around}",
        urlencode(search),
        ra_deg,
        dec_deg,
        cell,
    )


def _border(cell: SkyCell) -> list[Place]:
    """Return positions along a cell's sides, which follow meridians and parallels."""
    west, east = cell["ra_min_deg"], cell["ra_max_deg"]
    south, north = cell["dec_min_deg"], cell["dec_max_deg"]
    shares = [n / 8 for n in range(9)]
    ras = [west + (east - west) * share for share in shares]
    return [*((ra, south) for ra in ras), *((ra, north) for ra in reversed(ras))]


def _area_sqdeg(cell: SkyCell) -> float:
    height = sin(radians(cell["dec_max_deg"])) - sin(radians(cell["dec_min_deg"]))
    return float((cell["ra_max_deg"] - cell["ra_min_deg"]) * degrees(height))
