"""observations-explorer: the network's observations as web pages; start ``main:create_app()``."""

from flask import Flask

import page_format
import page_parameters
import page_problems
import page_sections
import static_files
from page_routes import pages
from panoptes_network import canonical, public_address, web, web_answers, well_known
from panoptes_network.telemetry import log
from viewer_routes import viewers

BLUEPRINTS = (pages, viewers)
CONTENT_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
CLOSED_TO_ROBOTS = (
    "/api/", "/files/", "/*/files.txt", "/sources/*/stamps.png", "/sources/*/curve.svg", "/*?"
)  # fmt: skip
"""What is large, and searches, of which there is no end. Pages have addresses without a query.

Not "/?", which Python's own reader of these files takes for "/"."""


def create_app() -> Flask:
    """Return the service; its README tells what each page shows."""
    log.setup("observations-explorer")
    app = Flask(__name__, static_folder=None)
    static_files.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    page_problems.register(app)
    app.jinja_env.filters.update(page_format.FILTERS)
    app.jinja_env.globals.update(
        states=page_format.STATES,
        file_kinds=page_format.FILE_KINDS,
        sections=page_sections.SECTIONS,
        section=page_sections.current,
        absolute=public_address.absolute,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    web_answers.register(app)
    well_known.register(app, CLOSED_TO_ROBOTS)
    web.secure(app, CONTENT_POLICY)
    canonical.register(app)
    page_parameters.register(app)
    return app
