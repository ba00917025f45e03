"""Sequences of frames with stars, of which the first dips."""

import io
from typing import Any

from astropy.io import fits
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.service.support.star_fields import (
    StarField,
    add_stars,
)
from tests.service.support.web_services import (
    add_observation,
    rows,
)

FRAMES = 12
EXTRACTED: dict[str, Any] = {"state": "sources_extracted", "exptime_s": 120.4}
STAR = "/sources/1000"
FIELD = StarField(dip=0.2)


def add_sequence(db: Engine, stars: StarField, frames: int = FRAMES, **columns: Any) -> list[str]:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[EXTRACTED] * frames, **columns)
        return add_stars(session, sequence_id, stars)


def hide(db: Engine, image_ids: list[str]) -> str:
    """Make star 2 one that was not detected in some images."""
    picid = FIELD.first_picid + 2
    with db.begin() as connection:
        connection.execute(
            text(
                "UPDATE sources SET is_detected = false, fwhm_px = NULL, ellipticity = NULL,"
                " separation_arcsec = NULL, neighbour_flux = 1.5 WHERE picid = :picid"
                " AND image_key IN (SELECT image_key FROM images WHERE image_id = ANY(:images))"
            ),
            {"picid": picid, "images": image_ids},
        )
    return str(picid)


def open_fits(client: FlaskClient, path: str, **parameters: str) -> fits.HDUList:
    answer = client.get(path, query_string={"format": "fits", **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/fits"
    assert ".fits" in answer.headers["Content-Disposition"]
    hdus = fits.open(io.BytesIO(answer.data))
    hdus.verify("exception")
    return hdus
