"""Observations around a place on the sky, held against astropy."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from flask.testing import FlaskClient
from sqlalchemy import Engine

from observations_data.http.query_parameters import BadParameterError
from observations_data.position import declination, right_ascension
from panoptes_network.database.models import CatalogStar
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

PLACES = [
    *((ra, dec) for dec in (-89.5, -45.0, 0.0, 30.0, 89.5) for ra in (0.0, 10.0, 179.9, 350.0)),
    *((0.0, 90.0), (0.0, -90.0), (359.999, 0.001), (83.8221, -5.3911)),
]
EDGE_DEG = 0.02 / 3600
"""Beside the edge, rounding decides: a cosine near 1 is known to 0.01 arcsec."""


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture
def fields(db: Engine) -> SkyCoord:
    """One observation at each of `PLACES`, whose fields are called by their number."""
    with rows(db) as session:
        for number, (ra_deg, dec_deg) in enumerate(PLACES):
            add_observation(
                session,
                start=START + timedelta(hours=number),
                field=str(number),
                images=[{"state": "solved", "ra_deg": ra_deg, "dec_deg": dec_deg}],
            )
        add_observation(session, camera_id="f5a6b7", field="unsolved", images=[{}])
    ra, dec = np.array(PLACES).T
    return SkyCoord(ra * u.deg, dec * u.deg)


@pytest.mark.parametrize("radius", ["0.001", "1", "15", "20.5", "90", "150", "180"])
@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("0", "0"),
        ("360", "0"),
        ("359.9", "89.9"),
        ("123", "-90"),
        ("180", "90"),
        ("83.8221", "-5.3911"),
    ],
)
def test_a_cone_holds_what_astropy_says(
    client: FlaskClient, fields: SkyCoord, ra: str, dec: str, radius: str
) -> None:
    page = get(client, "/observations", ra=ra, dec=dec, radius=radius, limit="500")
    apart = SkyCoord(float(ra) * u.deg, float(dec) * u.deg).separation(fields).deg
    found = {int(item["field"]) for item in page["items"]}
    sure = np.abs(apart - float(radius)) > EDGE_DEG
    assert found >= set(np.flatnonzero((apart <= float(radius)) & sure))
    assert not found & set(np.flatnonzero((apart > float(radius)) & sure))
    assert page["total"] == len(found)
    assert page["centre"] == {
        "ra_deg": float(ra) % 360,
        "dec_deg": float(dec),
        "name": None,
        "radius_deg": float(radius),
    }


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_nearest_comes_first_or_last(client: FlaskClient, fields: SkyCoord, order: str) -> None:
    place = {"ra": "3", "dec": "50", "radius": "180"}
    apart = SkyCoord(3 * u.deg, 50 * u.deg).separation(fields).deg
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = get(
            client, "/observations", sort="distance", order=order, limit="5", cursor=cursor, **place
        )
        seen += [int(item["field"]) for item in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == list(range(len(PLACES)))
    distances = apart[seen] if order == "asc" else apart[seen][::-1]
    assert np.all(np.diff(distances) > -EDGE_DEG)


def test_a_place_without_a_radius_has_15_degrees(client: FlaskClient, fields: SkyCoord) -> None:
    page = get(client, "/observations", ra="350", dec="44")
    assert page["centre"]["radius_deg"] == 15
    assert {item["field"] for item in page["items"]} == {
        str(number) for number in np.flatnonzero(fields.separation(SkyCoord("350d 44d")).deg < 15)
    }


@pytest.mark.parametrize(
    "text",
    [
        *("05:35:17.3", "5 35 17.3", "05h35m17.3s", "5h35m", "05:35", "0:0:0", "23:59:59.999"),
        *("83d49m17.3s", "83°49'17\"", "00h00m", "12h 30m 45s"),
    ],
)
def test_right_ascensions_in_sixties(text: str) -> None:
    wanted = text.replace("°", "d").replace("'", "m").replace('"', "s")
    unit = u.deg if "d" in wanted else u.hourangle
    assert right_ascension(text) == pytest.approx(Angle(wanted, unit).deg, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        *("-05:23:28", "-5 23 28.5", "+41d16m9s", "-0:30", "-00:00:01", "89:59:59.99"),
        *("\N{MINUS SIGN}5°23\N{PRIME}28\N{DOUBLE PRIME}", "-5d23m"),
    ],
)
def test_declinations_in_sixties(text: str) -> None:
    plain = text.replace("\N{MINUS SIGN}", "-").replace("°", "d")
    plain = plain.replace("\N{PRIME}", "m").replace("\N{DOUBLE PRIME}", "s")
    assert declination(text) == pytest.approx(Angle(plain, u.deg).deg, abs=1e-9)


@pytest.mark.parametrize(
    ("read", "text", "degrees"),
    [
        (right_ascension, "360", 0.0),
        (right_ascension, "24:00:00", 0.0),
        (right_ascension, "83.8", 83.8),
        (right_ascension, "+1e1", 10.0),
        (declination, "-90", -90.0),
        (declination, "90:00:00", 90.0),
        (declination, "-0.0", 0.0),
    ],
)
def test_degrees_and_edges(read: Callable[[str], float], text: str, degrees: float) -> None:
    assert read(text) == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *(
            (right_ascension, text)
            for text in (
                "",
                "nan",
                "inf",
                "-1",
                "360.1",
                "24:00:01",
                "1:60",
                "1:2:60",
                "M42",
                "-1:00",
            )
        ),
        *(
            (declination, text)
            for text in ("", "NaN", "-inf", "90.1", "-90:00:01", "5h30m", "1:-2", "1:2:3:4", "٣")
        ),
        (right_ascension, "1" + " " * 10**5 + "x"),
        (declination, "9" * 10**5),
    ],
)
def test_what_is_no_position(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(BadParameterError):
        read(text)


@pytest.mark.parametrize(
    ("parameter", "asked"),
    [
        ("ra", {"ra": "nan", "dec": "0"}),
        ("ra", {"dec": "0"}),
        ("dec", {"ra": "0"}),
        ("dec", {"ra": "0", "dec": "inf"}),
        ("radius", {"ra": "0", "dec": "0", "radius": "180.1"}),
        ("radius", {"ra": "0", "dec": "0", "radius": "nan"}),
        ("radius", {"radius": "-1"}),
        ("name", {"name": "M42", "ra": "0", "dec": "0"}),
        ("name", {"name": "nothing of this name"}),
        ("name", {"name": "TIC 99999999999999999999999"}),
        ("name", {"name": "M٤٢"}),
        ("name", {"name": "IC1064"}),
        ("sort", {"sort": "distance"}),
    ],
)
def test_a_bad_place_is_named(client: FlaskClient, parameter: str, asked: dict[str, str]) -> None:
    said = problem(client, "/observations", 400, **asked)
    assert said["parameter"] == parameter


def test_an_unknown_name_is_told_what_is_known(client: FlaskClient) -> None:
    said = problem(client, "/observations", 400, name="Atlantis")
    for known in ("field", "TIC", "M42", "NGC"):
        assert known in said["detail"]


# --- names


def centre(client: FlaskClient, name: str) -> tuple[float, float]:
    found: Any = get(client, "/observations", name=name)["centre"]
    assert found["name"] == name
    return found["ra_deg"], found["dec_deg"]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        # From the catalogs of Messier and Dreyer as SIMBAD has them, to the minute of arc.
        ("M42", "05h35m17s -05d23m28s"),
        ("m 31", "00h42m44s +41d16m09s"),
        ("NGC 7000", "20h59m17s +44d31m44s"),
        ("ngc7000", "20h59m17s +44d31m44s"),
        ("IC 434", "05h41m01s -02d27m14s"),
        ("andromeda  galaxy", "00h42m44s +41d16m09s"),
    ],
)
def test_deep_sky_names(client: FlaskClient, name: str, place: str) -> None:
    ra_deg, dec_deg = centre(client, name)
    apart = SkyCoord(ra_deg * u.deg, dec_deg * u.deg).separation(SkyCoord(place))
    assert apart.arcmin < 1


def test_the_networks_own_fields_come_first(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        solved = {"state": "solved", "ra_deg": 10.0, "dec_deg": 20.0}
        add_observation(session, field="M42", images=[solved])
        newer = {**solved, "ra_deg": 11.0}
        add_observation(session, field="m42", start=START + timedelta(days=1), images=[newer])
        add_observation(session, field="M42", start=START + timedelta(days=2), images=[{}])
        add_observation(session, field="M31", start=START + timedelta(days=3), images=[{}])
    assert centre(client, "M42") == pytest.approx((11.0, 20.0), abs=1e-9)
    # A field that was never solved says nothing of where it is.
    assert centre(client, "M31") == pytest.approx((10.68, 41.27), abs=0.02)
    page = get(client, "/observations", name="M42", sort="distance")
    assert [item["ra_deg"] for item in page["items"]] == [11.0, 10.0]


def test_stars_by_their_numbers(client: FlaskClient, db: Engine) -> None:
    stars = [("tic", 1234, 10.0), ("gaia", 1234, 20.0), ("gaia", -77, 30.0), ("gaia", 9, 40.0)]
    unknown = math.nan
    with rows(db) as session:
        for catalog, picid, ra_deg in stars:
            session.add(
                CatalogStar(
                    picid=picid,
                    catalog=catalog,
                    healpix=0,
                    ra_deg=ra_deg,
                    dec_deg=5.0,
                    pmra_masyr=0.0,
                    pmdec_masyr=0.0,
                    mag=9.0,
                    gaia_mag=unknown,
                    teff_k=unknown,
                )
            )
    for name, ra_deg in (
        *(("TIC 1234", 10.0), ("tic1234", 10.0), ("1234", 10.0), ("9", 40.0)),
        *(("Gaia DR3 1234", 20.0), ("HIP 77", 30.0)),
    ):
        assert centre(client, name) == (ra_deg, 5.0)
    for name in ("TIC 9", "HIP 999999", "Gaia DR3 77"):
        problem(client, "/observations", 400, name=name)
