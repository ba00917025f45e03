"""GET /names: what people type, in the network's own terms; the names in searches and of stars."""

import math
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from panoptes_network.database.models import CatalogStar
from panoptes_network.names.resolver import resolve
from panoptes_network.names.spelling import MAX_LENGTH
from panoptes_network.sky.healpix import healpix_cells
from tests.service.support.web_services import add_observation, create_app, get, problem, rows

MAIA_GAIA_DR3 = 66529975427235712
VEGA_HIP = 91262


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def add_star(
    session: Session, picid: int, catalog: str, ra_deg: float, dec_deg: float, mag: float = 9.0
) -> None:
    unknown = math.nan
    session.add(
        CatalogStar(
            picid=picid,
            catalog=catalog,
            healpix=int(healpix_cells([ra_deg], [dec_deg])[0]),
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            pmra_masyr=0.0,
            pmdec_masyr=0.0,
            mag=mag,
            gaia_mag=unknown,
            teff_k=unknown,
        )
    )


def place_of(name: str, epoch_yr: float) -> tuple[float, float]:
    target = resolve(name)
    assert target is not None
    return target.at(epoch_yr)


def found(client: FlaskClient, name: str) -> Any:
    response = get(client, "/names", q=name)
    assert response["name"] == name
    return response["found"]


def test_a_star_of_the_tables_has_its_place_and_numbers(client: FlaskClient) -> None:
    star = found(client, "alf Lyr")
    assert (star["kind"], star["name"]) == ("star", "Vega · HIP 91262")
    assert star["epoch_yr"] == 2000.0
    assert (star["ra_deg"], star["dec_deg"]) == pytest.approx((279.2347, 38.7837), abs=1e-3)
    assert {"Vega", "HD 172167"} <= {*star["names"]}
    assert star["picid"] is star["catalog"] is star["url"] is None


def test_a_star_is_that_of_the_networks_catalog(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_star(session, MAIA_GAIA_DR3, "gaia", *place_of("Maia", 2016.0))
        # Barnard's star moves by 166 arcseconds in these years.
        add_star(session, 1, "gaia", *place_of("Barnard's Star", 2016.0))
        add_star(session, 2, "gaia", *place_of("Barnard's Star", 2000.0))
    assert found(client, "20 Tau")["url"] == f"/sources/{MAIA_GAIA_DR3}?catalog=gaia"
    assert found(client, "Barnards Star")["picid"] == "1"
    with rows(db) as session:
        add_star(session, 3, "tic", *place_of("Barnard's Star", 2000.0))
    assert found(client, "Barnards Star")["url"] == "/sources/3?catalog=tic"


def test_a_truncated_place_means_the_brightest_star(client: FlaskClient, db: Engine) -> None:
    ra_deg, dec_deg = place_of("WASP-12", 2000.0)
    with rows(db) as session:
        add_star(session, 5, "tic", ra_deg, dec_deg, mag=16.0)
        add_star(session, 6, "tic", ra_deg + 0.003, dec_deg, mag=11.0)
        add_star(session, 7, "tic", ra_deg, dec_deg + 0.01, mag=6.0)
    planet = found(client, "wasp12b")
    assert (planet["kind"], planet["name"], planet["picid"]) == ("planet", "WASP-12 b", "6")


def test_ids_of_the_network(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        solved = {"state": "solved", "ra_deg": 10.0, "dec_deg": 20.0}
        sequence_id = add_observation(session, field="My Field", images=[solved])
    [image] = get(client, f"/observations/{sequence_id}")["images"]
    assert found(client, "pan001")["url"] == "/units/PAN001"
    observation = found(client, sequence_id.upper())
    assert (observation["kind"], observation["id"]) == ("observation", sequence_id)
    assert found(client, image["image_id"])["url"] == f"/images/{image['image_id']}"
    field = found(client, "my field")
    assert (field["kind"], field["ra_deg"]) == ("field", pytest.approx(10.0))


def test_a_numbered_star_has_its_names(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_star(session, MAIA_GAIA_DR3, "gaia", *place_of("Maia", 2016.0))
        add_star(session, -VEGA_HIP, "gaia", *place_of("Vega", 2016.0))
    star = found(client, f"Gaia DR3 {MAIA_GAIA_DR3}")
    assert star["names"][:2] == ["Maia", "20 Tau"]
    page = get(client, f"/sources/{MAIA_GAIA_DR3}")
    assert page["names"][:2] == ["Maia", "20 Tau"]
    assert get(client, f"/sources/-{VEGA_HIP}")["names"][0] == "Vega"


@pytest.mark.parametrize(
    ("name", "kind", "radius_deg"), [("Orionis", "constellation", 20), ("M31", "deep_sky", 1.5)]
)
def test_fields_have_a_radius(client: FlaskClient, name: str, kind: str, radius_deg: float) -> None:
    target = found(client, name)
    assert target["kind"] == kind
    assert target["radius_deg"] == pytest.approx(radius_deg, rel=0.25)


def test_an_unknown_name_has_near_matches(client: FlaskClient) -> None:
    response = get(client, "/names", q="Betelguese")
    assert response["found"] is None
    assert "Betelgeuse" in response["near"]
    assert get(client, "/names", q="?!") == {"name": "?!", "found": None, "near": []}


@pytest.mark.parametrize("name", ["x" * (MAX_LENGTH + 1), "Ve\x07ga"])
def test_what_is_no_name_is_refused(client: FlaskClient, name: str) -> None:
    assert problem(client, "/names", 400, q=name)["parameter"] == "q"


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "  "}])
def test_no_name_means_nothing(client: FlaskClient, query: dict[str, str]) -> None:
    assert get(client, "/names", **query) == {"name": "", "found": None, "near": []}


@pytest.mark.parametrize("name", ["Vega", "α Lyrae", "hd 172167", "HIP 91262"])
def test_observations_are_found_around_a_star(client: FlaskClient, db: Engine, name: str) -> None:
    with rows(db) as session:
        there = {"state": "solved", "ra_deg": 280.0, "dec_deg": 39.0}
        add_observation(session, images=[there])
    assert get(client, "/observations", name=name, radius="2")["total"] == 1
    assert get(client, "/observations", name=name, radius="0.1")["total"] == 0


def test_a_misspelled_place_suggests_names(client: FlaskClient) -> None:
    assert "Did you mean Vega" in problem(client, "/observations", 400, name="Vegaa")["detail"]
