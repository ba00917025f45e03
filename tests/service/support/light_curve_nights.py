"""Two nights of light curves of the same stars, in the database and in storage."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

from astropy.io import fits
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.service.support.light_curve_rows import (
    Curves,
    add_light_curves,
)
from tests.service.support.web_services import (
    START,
    add_observation,
    get,
    rows,
)

STAR = "/sources/1000"
CURVE = f"{STAR}/lightcurve"
NIGHT = Curves()
LATER = Curves(start=START + timedelta(days=2), n_frames=40, seed=14)


def add_night(db: Engine, night: Curves, folder: Path, **image: Any) -> str:
    """Add a sequence of one image with the light curves of a night; return its id."""
    with rows(db) as session:
        sequence_id = add_observation(session, start=night.start, images=[image])
        add_light_curves(session, sequence_id, night, folder)
    return sequence_id


def detrended(client: FlaskClient, path: str = CURVE, **parameters: str) -> Any:
    return get(client, path, method="detrended", **parameters)


def open_fits(client: FlaskClient, path: str = CURVE, **parameters: str) -> fits.HDUList:
    answer = client.get(path, query_string={**parameters, "format": "fits"})
    assert answer.status_code == 200, answer.text
    return fits.open(io.BytesIO(answer.data))
