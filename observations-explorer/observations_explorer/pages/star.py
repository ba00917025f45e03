"""Content of the page of one star, fetched from observations-data."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from werkzeug.exceptions import BadRequest, NotFound

from observations_explorer.charts import stamp_sheet
from observations_explorer.charts.folding import Folding
from observations_explorer.charts.light_curve_plots import ColourPlot, Light, plots
from observations_explorer.data_service import fetch
from observations_explorer.formatting import star_name, star_title
from observations_explorer.light_curve import Method, View
from observations_explorer.maps import finder_chart
from observations_explorer.pages import star_light_curves, unmeasurable
from observations_explorer.pages.content import Content
from observations_explorer.pages.star_links import star_links
from panoptes_network.responses.light_curves import DetrendedCurve
from panoptes_network.responses.observations import WholeImage
from panoptes_network.responses.stars import RawCurve, SourcePage, StampPage, Star

MAX_STAMPS = 120
"""Stamps on a sheet, and fetched at once by the page's script."""
MAX_SOURCES = 20_000
APERTURES = {"method": "raw"}
"""Parameters that request aperture photometry from observations-data."""


@dataclass(frozen=True, slots=True)
class Apertures:
    """Aperture photometry of a star, and why it has no relative flux."""

    found: RawCurve
    plots: list[ColourPlot]
    light: Light
    trouble: str | None

    @property
    def is_too_bright(self) -> bool:
        """Whether the star is saturated."""
        return self.trouble == unmeasurable.TOO_BRIGHT


def star(picid: str, parameters: Mapping[str, str]) -> Content:
    """Return the content of the page of one star.

    Parameters
    ----------
    picid : str
    parameters : mapping
        ``catalog``; ``sequence_id`` limits the light curve and the stamps; ``method`` and
        ``colour`` select the curve, ``light`` its unit for apertures, and ``period_d``,
        ``epoch_mjd`` fold it. If a sequence's file does not have the star, apertures are drawn.
        Without comparison stars, or if the star is saturated, nothing is drawn but raw sums that
        were asked for.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        BadRequest with the name of an invalid parameter; see also `fetch`.
    """
    folding, view, light = Folding.parse(parameters), View.parse(parameters), _light(parameters)
    asked = asked_frames(parameters)
    found = fetch(Star, f"/sources/{quote(picid)}", catalog=asked["catalog"])
    curves = apertures = None
    if view.method is not Method.APERTURE:
        curves = star_light_curves.curves(found, asked, view, folding)
    drawn: DetrendedCurve | RawCurve | None = curves.drawn if curves else None
    if drawn is None:
        apertures = _apertures(picid, asked, light, folding)
        drawn = apertures.found
    return {
        "star": found,
        "title": star_title(found["names"], picid, found["url"].rpartition("=")[2]),
        "view": view,
        "curves": curves,
        "apertures": apertures,
        "folding": folding,
        "asked": {**asked, "catalog": drawn["catalog"]},
        "links": star_links(found, drawn["catalog"]),
        "finder": _finder(found, drawn),
        "colours": stamp_sheet.COLOURS,
        "most_stamps": MAX_STAMPS,
        "given": {name: parameters.get(name, "") for name in ("period_d", "epoch_mjd")},
    }


def stamps_png(picid: str, parameters: Mapping[str, str]) -> bytes:
    """Return the sheet of a star's stamps in one ``colour``.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        As `star`.
    """
    colour = parameters.get("colour") or "all"
    if colour not in stamp_sheet.COLOURS:
        raise BadRequest(f"colour must be one of {', '.join(stamp_sheet.COLOURS)}")
    path = f"/sources/{quote(picid)}/stamps"
    found = fetch(StampPage, path, **asked_frames(parameters), limit=str(MAX_STAMPS))
    return stamp_sheet.png([item["pixels"] for item in found["items"]], colour)


def figure(picid: str, parameters: Mapping[str, str]) -> Content:
    """Return the content of a star's light curve as a picture of its own, and its file name.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        NotFound if there is nothing to draw, BadRequest for apertures, which have no such picture;
        see also `star`.
    """
    folding, view = Folding.parse(parameters), View.parse(parameters)
    if view.method is Method.APERTURE:
        raise BadRequest(f"method: {Method.DETRENDED} or {Method.RAW}")
    asked = asked_frames(parameters)
    found = fetch(Star, f"/sources/{quote(picid)}", catalog=asked["catalog"])
    curves = star_light_curves.curves(found, asked, view, folding)
    if curves.chart is None:
        raise NotFound(curves.trouble or curves.pending)
    catalog = found["url"].rpartition("=")[2]
    return {
        "title": star_title(found["names"], picid, catalog),
        "view": view,
        "chart": curves.chart,
        "file_name": f"{star_name(picid, catalog).replace(' ', '-')}-light-curve.svg",
    }


def asked_frames(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the requested star and frames, as parameters of observations-data."""
    return {name: parameters.get(name, "") for name in ("catalog", "sequence_id")}


def _apertures(
    picid: str, asked: Mapping[str, str], light: Light, folding: Folding | None
) -> Apertures:
    """Return the aperture photometry on the star's stamps."""
    curve = fetch(RawCurve, f"/sources/{quote(picid)}/lightcurve", **APERTURES, **asked)
    trouble = unmeasurable.of_apertures(curve["items"])
    is_drawn = light is Light.FLUX or trouble is None
    drawn = plots(curve["items"], light, folding) if is_drawn else []
    return Apertures(curve, drawn, light, trouble)


def _light(parameters: Mapping[str, str]) -> Light:
    value = parameters.get("light") or Light.RELATIVE
    try:
        return Light(value)
    except ValueError as error:
        raise BadRequest(f"light must be one of {', '.join(Light)}") from error


def _finder(found: Star, curve: DetrendedCurve | RawCurve) -> finder_chart.Chart | None:
    """Return the chart of the star's newest frame; None if there is none or it is missing."""
    if not curve["items"] or found["ra_deg"] is None:
        return None
    path = f"/images/{quote(curve['items'][-1]['image_id'])}"
    around = {"ra": found["ra_deg"], "dec": found["dec_deg"], "radius": finder_chart.REACH_DEG}
    near = {name: str(value) for name, value in around.items()}
    try:
        asked = {"matched": "true", "limit": str(MAX_SOURCES), **near}
        sources = fetch(SourcePage, f"{path}/sources", **asked)["items"]
        return finder_chart.chart(fetch(WholeImage, path), sources, curve["url"])
    except NotFound:
        return None
