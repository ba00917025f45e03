"""observations-explorer: the network's observations as web pages; start ``main:create_app()``."""

from flask import Blueprint, Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

import nights_explorer
import observations_explorer as explorer
import page_format
from panoptes_network import log, web

CONTENT_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
pages = Blueprint("pages", __name__)


def create_app() -> Flask:
    """Return the service; its README tells what each page shows."""
    log.setup("observations-explorer")
    app = Flask(__name__)
    app.register_blueprint(pages)
    app.jinja_env.filters.update(page_format.FILTERS)
    app.jinja_env.globals.update(states=page_format.STATES, file_kinds=page_format.FILE_KINDS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    web.secure(app, CONTENT_POLICY)
    return app


@pages.get("/")
def observations() -> str:
    """Show the table of observations."""
    return render_template("observations.html", **explorer.observations(request.args))


@pages.get("/observations/<sequence_id>")
def observation(sequence_id: str) -> str:
    """Show one observation."""
    return render_template("observation.html", **explorer.observation(sequence_id))


@pages.get("/units")
def units() -> str:
    """Show the units."""
    return render_template("units.html", **nights_explorer.units())


@pages.get("/units/<unit_id>")
def unit(unit_id: str) -> str:
    """Show the nights of a unit."""
    return render_template("unit.html", **nights_explorer.nights(unit_id, request.args))


@pages.get("/units/<unit_id>/nights/<day>")
def night(unit_id: str, day: str) -> str:
    """Show the report of a night."""
    return render_template("night.html", **nights_explorer.night(unit_id, day))


@pages.get("/files/<any(raw, processed):bucket>/<path:path>")
def file(bucket: str, path: str) -> Response:
    """Send a file of an image, or an observation's film, on from observations-data."""
    return explorer.send_on(bucket, path)


@pages.get("/health")
def health() -> dict[str, str]:
    """Answer while this process does."""
    return {"status": "ok"}


@pages.get("/ready")
def ready() -> tuple[dict[str, str], int]:
    """Answer while observations-data is ready, too."""
    missing = explorer.missing()
    return (
        ({"status": "not ready", "missing": missing}, 503) if missing else ({"status": "ok"}, 200)
    )


@pages.app_errorhandler(HTTPException)
def problem(error: HTTPException) -> Response:
    """Show what went wrong as a page."""
    page = render_template("problem.html", problem=error)
    response = Response(page, status=error.code)
    response.headers.extend(h for h in error.get_headers() if h[0] != "Content-Type")
    return response
