"""observations-explorer: the network's observations as web pages; start ``main:create_app()``."""

from flask import Flask

from observations_explorer import formatting, navigation, parameter_names, problems, static_files
from observations_explorer.routes import pages
from panoptes_network.figures import BY_NAME, FIGURES, TRENDS
from panoptes_network.states import ImageState
from panoptes_network.telemetry import log
from panoptes_network.web import caching, canonical, public_url, security, well_known

CONTENT_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
CLOSED_TO_ROBOTS = (
    "/api/", "/files/raw/", "/files/processed/*.fits", "/files/processed/*.mp4",
    "/files/processed/*.parquet", "/*/files.txt", "/sources/*/stamps.png",
    "/sources/*/curve.svg", "/sources/*/light-curve.svg", "/*?",
)  # fmt: skip
"""Large files but pictures, which links to pages show elsewhere, and searches, which are endless.
Pages have URLs without a query.

Not "/?", which Python's own parser of these files reads as "/"."""


BY_LINK = frozenset({"pages.end_subscription"})
"""Mail programs post there: whoever has the link may, from wherever."""


def create_app() -> Flask:
    """Return the service; its README describes each page."""
    log.setup("observations-explorer")
    app = Flask("observations_explorer", static_folder=None)
    static_files.register(app)
    app.register_blueprint(pages)
    problems.register(app)
    app.jinja_env.filters.update(formatting.FILTERS)
    app.jinja_env.globals.update(
        ImageState=ImageState,
        states=formatting.STATES,
        file_kinds=formatting.FILE_KINDS,
        figures=FIGURES,
        image_columns=[figure for figure in FIGURES if figure.heading],
        night_figures=[BY_NAME[name] for name in TRENDS],
        sections=navigation.SECTIONS,
        section=navigation.current,
        absolute=public_url.absolute,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    caching.register(app)
    well_known.register(app, CLOSED_TO_ROBOTS)
    security.secure(app, CONTENT_POLICY, queries=BY_LINK)
    canonical.register(app)
    parameter_names.register(app)
    return app
