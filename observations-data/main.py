"""observations-data: the network's observations as JSON; gunicorn starts ``main:create_app()``."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider

import network_metrics
import observation_problems
import observation_routes
from panoptes_network import log, web

BLUEPRINTS = (observation_routes.api,)


class OrderedJson(DefaultJSONProvider):
    """Keys in the order that they are written in: what matters most comes first."""

    sort_keys = False


def create_app() -> Flask:
    """Return the service; its README tells what each route answers."""
    log.setup("observations-data")
    app = Flask(__name__)
    app.json = OrderedJson(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    observation_problems.register(app)
    network_metrics.register()
    web.secure(app, "default-src 'none'; frame-ancestors 'none'")
    return app
