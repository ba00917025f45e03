"""Routes of the pages and their resources."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from observations_explorer import data_service
from observations_explorer.pages import candidates as candidates_page
from observations_explorer.pages import feed as unit_feed
from observations_explorer.pages import home as home_page
from observations_explorer.pages import image as image_page
from observations_explorer.pages import network as network_page
from observations_explorer.pages import observation as observation_page
from observations_explorer.pages import observations as observations_page
from observations_explorer.pages import search as search_page
from observations_explorer.pages import star as star_page
from observations_explorer.pages import star_light_curves
from observations_explorer.pages import units as units_page
from observations_explorer.pages.observation_filters import PARAMETERS
from observations_explorer.static_files import VENDOR

pages = Blueprint("pages", __name__)

ATLAS_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:;"
    " worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
"""Aladin Lite has WebAssembly in its script and sets styles, but still loads nothing from
elsewhere.
"""

FIGURE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""A figure loads nothing and runs nothing."""


@pages.app_template_global()
def has_script(name: str) -> bool:
    """Return whether an optional library was installed at setup."""
    return (VENDOR / name).is_file()


@pages.get("/")
def home() -> str | AnyResponse:
    """Show what the network is and what it has; a search leads to the observations."""
    if request.args.keys() & PARAMETERS:
        asked = request.query_string.decode("utf-8", "replace")
        return redirect(f"{url_for('pages.observations')}?{asked}", 308)
    return render_template("home.html", **home_page.home())


@pages.get("/observations")
def observations() -> tuple[str, int]:
    """Show the observations of a search."""
    shown = observations_page.observations(request.args)
    return render_template("observations.html", **shown), 400 if shown["fault"] else 200


@pages.get("/search")
def search() -> AnyResponse | str:
    """Go to the object of a name; for an unknown one, show names that are spelled like it."""
    name = " ".join(request.args.get("q", "").split())
    result = search_page.search(name)
    if result.address:
        return redirect(result.address)
    return render_template("search.html", name=name, near=result.near)


@pages.get("/observations/<sequence_id>")
def observation(sequence_id: str) -> str:
    """Show one observation."""
    shown = observation_page.observation(sequence_id)
    return render_template("observation.html", **shown)


@pages.get("/observations/<sequence_id>/files.txt")
def file_list(sequence_id: str) -> Response:
    """List the URLs of an observation's files for ``wget -i``."""
    lines = observation_page.file_list(sequence_id, request.args)
    return Response(lines, mimetype="text/plain")


@pages.get("/images/<image_id>")
def image(image_id: str) -> str:
    """Show one image."""
    return render_template("image.html", **image_page.image(image_id, request.args))


@pages.get("/sources/<picid>")
def star(picid: str) -> str:
    """Show one star."""
    return render_template("source.html", **star_page.star(picid, request.args))


@pages.get("/sources/<picid>/stamps.png")
def stamps(picid: str) -> Response:
    """Draw all stamps of a star on one sheet."""
    return Response(star_page.stamps_png(picid, request.args), mimetype="image/png")


@pages.get("/sources/<picid>/curve.svg")
def small_curve(picid: str) -> Response:
    """Draw a star's small detrended light curve, with its transit."""
    drawn = star_light_curves.small_chart(picid, star_page.asked_frames(request.args))
    return Response(render_template("small_curve.svg", chart=drawn), mimetype="image/svg+xml")


@pages.get("/sources/<picid>/light-curve.svg")
def figure(picid: str) -> Response:
    """Draw a star's large light curve as a picture of its own."""
    shown = star_page.figure(picid, request.args)
    drawn = Response(render_template("figure.svg", **shown), mimetype="image/svg+xml")
    drawn.headers["Content-Disposition"] = f'inline; filename="{shown["file_name"]}"'
    drawn.headers["Content-Security-Policy"] = FIGURE_POLICY
    return drawn


@pages.get("/candidates")
def candidates() -> tuple[str, int]:
    """Show transit and variable-star candidates."""
    shown = candidates_page.candidates(request.args)
    return render_template("candidates.html", **shown), 400 if shown["fault"] else 200


@pages.get("/units")
def units() -> str:
    """Show the units."""
    return render_template("units.html", **units_page.units())


@pages.get("/units/<unit_id>")
def unit(unit_id: str) -> str:
    """Show the nights of a unit."""
    return render_template("unit.html", **units_page.nights(unit_id, request.args))


@pages.get("/units/<unit_id>/feed.atom")
def feed(unit_id: str) -> Response:
    """Return a unit's Atom feed: its finished nights, and when it went silent."""
    return unit_feed.feed(unit_id)


@pages.get("/units/<unit_id>/nights/<day>")
def night(unit_id: str, day: str) -> str:
    """Show the report of a night."""
    return render_template("night.html", **units_page.night(unit_id, day))


@pages.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> str:
    """Ask whether a subscription is to be ended: mail programs open links by themselves."""
    return render_template("unsubscribe.html", **units_page.subscription(token))


@pages.post("/unsubscribe/<token>")
def end_subscription(token: str) -> str:
    """End a subscription, by the button or by a mail program (RFC 8058)."""
    return render_template("unsubscribe.html", **units_page.end_subscription(token))


@pages.get("/sky")
def sky() -> str:
    """Show the sky coverage."""
    return render_template("sky.html", **network_page.sky())


@pages.get("/sky/atlas")
def atlas() -> Response:
    """Show the newest frames in the sky atlas, if it is installed."""
    page = Response(render_template("atlas.html", **network_page.atlas()))
    page.headers["Content-Security-Policy"] = ATLAS_POLICY
    return page


@pages.get("/stats")
def statistics() -> str:
    """Show the statistics of the network."""
    return render_template("statistics.html", **network_page.statistics(request.args))


@pages.get("/uploads")
def uploads() -> str:
    """Show refused uploads."""
    return render_template("uploads.html", **network_page.uploads(request.args))


@pages.get("/status")
def status() -> str:
    """Show the pipeline status."""
    return render_template("status.html", **network_page.status())


@pages.get("/connect")
def connect() -> str:
    """Show how a telescope sends its images to the network."""
    return render_template("connect.html")


@pages.get("/about")
def about() -> str:
    """Show an introduction to PANOPTES, its data, and their citation."""
    return render_template("about.html")


@pages.get("/files/<any(raw, processed):bucket>/<path:path>")
def file(bucket: str, path: str) -> Response:
    """Forward a file of an image or an observation from observations-data."""
    return data_service.send_file_on(bucket, path)


@pages.get("/api/", defaults={"path": ""})
@pages.get("/api/<path:path>")
def api(path: str) -> Response:
    """Forward a response of observations-data."""
    return data_service.send_answer_on(path)


@pages.get("/health")
def health() -> dict[str, str]:
    """Check that this process is alive."""
    return {"status": "ok"}


@pages.get("/ready")
def ready() -> tuple[dict[str, str], int]:
    """Check that observations-data is ready."""
    missing = data_service.missing()
    return (
        ({"status": "not ready", "missing": missing}, 503) if missing else ({"status": "ok"}, 200)
    )
