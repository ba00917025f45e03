"""Sources of an image around a place on the sky, and the magnitudes that a catalog gives them."""

import io
import math

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse_single_table
from flask.testing import FlaskClient
from numpy.typing import NDArray
from sqlalchemy import Engine

from tests.service.support.sky_rows import add_sources
from tests.service.support.star_fields import StarField, add_catalog_star, add_stars
from tests.service.support.web_services import add_observation, create_app, get, problem, rows

WIDE_DEG = 12.0
"""As far from the middle as the corners of a frame, and further."""


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def scattered(centre: tuple[float, float], number: int = 400) -> NDArray[np.float64]:
    """Return places within `WIDE_DEG` of a centre, by astropy: rows of ra, dec."""
    rng = np.random.default_rng(8)
    away = SkyCoord(*centre, unit="deg").directional_offset_by(
        rng.uniform(0, 360, number) * u.deg, WIDE_DEG * np.sqrt(rng.uniform(0, 1, number)) * u.deg
    )
    return np.column_stack([away.ra.deg, away.dec.deg])


@pytest.mark.parametrize(
    ("ra", "dec", "radius_deg"),
    [
        ("83.8", "-5.4", 3),
        ("0", "10", 4),
        ("360", "10", 4),
        ("23:59:50", "-10", 6),
        ("12.5", "89.5", 5),
        ("200", "-90", 2),
        ("0", "90", 180),
    ],
)
def test_sources_around_a_place(
    client: FlaskClient, db: Engine, ra: str, dec: str, radius_deg: float
) -> None:
    hours_or_deg = u.hourangle if ":" in ra else u.deg
    centre = SkyCoord(ra, dec, unit=(hours_or_deg, u.deg))
    places = scattered((centre.ra.deg, centre.dec.deg))
    with rows(db) as session:
        image_id = add_sources(session, places.tolist())
    around = {"ra": ra, "dec": dec, "radius": str(radius_deg)}
    found = get(client, f"/images/{image_id}/sources", **around)
    separation_deg = SkyCoord(*places.T, unit="deg").separation(centre).deg
    near = np.flatnonzero(separation_deg <= radius_deg).tolist()
    assert len(near) > 0
    assert [item["number"] for item in found["items"]] == near
    assert found["total"] == len(near)


def test_the_edge_of_a_circle_belongs_to_it(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        image_id = add_sources(session, [(359.5, 0.0), (0.5, 0.0), (0.5, 1e-4)])
    path = f"/images/{image_id}/sources"
    assert get(client, path, ra="0", dec="0", radius="0.5")["total"] == 2
    assert get(client, path, ra="0.5", dec="0", radius="0")["total"] == 1


def test_pages_and_other_conditions_around_a_place(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        image_id = add_sources(session, [(83.0 + number / 100, -5.4) for number in range(40)])
    path, around = f"/images/{image_id}/sources", {"ra": "83.1", "dec": "-5.4", "radius": "0.105"}
    numbers = []
    cursor: str | None = ""
    while cursor is not None:
        # Those of odd numbers are matched.
        page = get(client, path, limit="3", matched="true", cursor=cursor, **around)
        numbers += [item["number"] for item in page["items"]]
        cursor = page["next"]
    assert numbers == [number for number in range(21) if number % 2]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"ra": "83.8", "dec": "-5.4"}, "radius"),
        ({"dec": "-5.4"}, "radius"),
        ({"radius": "1"}, "ra"),
        ({"dec": "-5.4", "radius": "1"}, "ra"),
        ({"ra": "83.8", "radius": "1"}, "dec"),
        ({"ra": "nan", "dec": "-5.4", "radius": "1"}, "ra"),
        ({"ra": "360.1", "dec": "-5.4", "radius": "1"}, "ra"),
        ({"ra": "-1", "dec": "-5.4", "radius": "1"}, "ra"),
        ({"ra": "83.8", "dec": "nan", "radius": "1"}, "dec"),
        ({"ra": "83.8", "dec": "91", "radius": "1"}, "dec"),
        ({"ra": "83.8", "dec": "5h", "radius": "1"}, "dec"),
        ({"ra": "83.8", "dec": "-5.4", "radius": "nan"}, "radius"),
        ({"ra": "83.8", "dec": "-5.4", "radius": "inf"}, "radius"),
        ({"ra": "83.8", "dec": "-5.4", "radius": "-1"}, "radius"),
        ({"ra": "83.8", "dec": "-5.4", "radius": "180.1"}, "radius"),
        ({"ra": "' OR 1=1 --", "dec": "-5.4", "radius": "1"}, "ra"),
    ],
)
def test_a_place_that_cannot_be_read(
    client: FlaskClient, db: Engine, given: dict[str, str], name: str
) -> None:
    with rows(db) as session:
        image_id = add_sources(session, [(83.8, -5.4)])
    assert problem(client, f"/images/{image_id}/sources", 400, **given)["parameter"] == name


def test_magnitudes_are_those_of_the_catalog(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{}])
        [image_id] = add_stars(session, sequence_id, StarField(number=4, catalog="gaia"))
        add_catalog_star(session, 1000, "gaia", 4.25)
        add_catalog_star(session, 1001, "gaia", math.nan)
        add_catalog_star(session, 1002, "tic", 6.0)
    path = f"/images/{image_id}/sources"
    items = get(client, path)["items"]
    known = {"1000": 4.25, "1001": None, "1002": None, "1003": None, None: None}
    assert {item["picid"]: item["mag"] for item in items} == known
    table = parse_single_table(io.BytesIO(client.get(f"{path}?format=votable").data))
    field = table.get_field_by_id_or_name("mag")
    assert (str(field.unit), field.ucd) == ("mag", "phot.mag;em.opt")
    assert table.to_table()["mag"].filled(-1).tolist() == [
        -1 if item["mag"] is None else item["mag"] for item in items
    ]
    header, *lines = client.get(f"{path}?format=csv").text.splitlines()
    at = header.split(",").index("mag")
    assert sorted(line.split(",")[at] for line in lines) == ["", "", "", "", "4.25"]
