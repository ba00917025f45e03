"""observations-data: the network's observations as JSON; waitress serves ``main:create_app()``."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from observations_data.candidates import routes as candidate_routes
from observations_data.cutouts import routes as cutout_routes
from observations_data.detrended import routes as light_curve_routes
from observations_data.http import headers, problems
from observations_data.names import routes as name_routes
from observations_data.network_state import metrics as network_metrics
from observations_data.network_state import routes as network_routes
from observations_data.network_state import stats_routes as statistics_routes
from observations_data.observations import routes as observation_routes
from observations_data.open_api import parameter_names
from observations_data.open_api import routes as open_api_routes
from observations_data.sources import routes as source_routes
from observations_data.virtual_observatory import routes as vo_routes
from panoptes_network.telemetry import log
from panoptes_network.web import canonical, security, well_known

BLUEPRINTS = (
    observation_routes.api,
    source_routes.api,
    light_curve_routes.api,
    candidate_routes.api,
    cutout_routes.api,
    name_routes.api,
    open_api_routes.api,
    network_routes.api,
    statistics_routes.api,
    *vo_routes.BLUEPRINTS,
)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
CLOSED_TO_ROBOTS = ("/",)
"""Robots find the same data, explained, on the explorer's pages."""


class OrderedJson(DefaultJSONProvider):
    """Keeps keys in the order of writing: the most important come first."""

    sort_keys = False


def create_app() -> Flask:
    """Return the service; its README describes the routes."""
    log.setup("observations-data")
    app = Flask(__name__, static_folder=None)
    app.json = OrderedJson(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    problems.register(app)
    network_metrics.register()
    headers.register(app)
    well_known.register(app, CLOSED_TO_ROBOTS)
    security.secure(
        app,
        POLICY,
        resource_policy="cross-origin",
        queries=vo_routes.FORM_QUERIES,
    )
    canonical.register(app)
    parameter_names.register(app)
    for endpoint, describe in observation_routes.COMMON.items():
        describe(app.view_functions[endpoint])
    return app
