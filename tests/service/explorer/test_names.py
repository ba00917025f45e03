"""The search box of every page over a real observations-data, and the names of stars."""

import html as html_text
import math
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.database.models import CatalogStar
from panoptes_network.names.resolver import resolve
from panoptes_network.sky.healpix import healpix_cells
from tests.service.support.web_services import FORBIDDEN, add_observation, rows

MAIA = 66529975427235712


@pytest.fixture
def maia(db: Engine) -> str:
    """Path of the page of a star with a name."""
    target = resolve("Maia")
    assert target is not None
    ra_deg, dec_deg = target.at(2016.0)
    with rows(db) as session:
        session.add(
            CatalogStar(
                picid=MAIA,
                catalog="gaia",
                healpix=int(healpix_cells([ra_deg], [dec_deg])[0]),
                ra_deg=ra_deg,
                dec_deg=dec_deg,
                pmra_masyr=20.0,
                pmdec_masyr=-45.0,
                mag=3.87,
                gaia_mag=3.87,
                teff_k=math.nan,
            )
        )
    return f"/sources/{MAIA}"


def led_to(client: FlaskClient, name: str) -> tuple[str, dict[str, str]]:
    """Return the path and the parameters of the page that the search box leads to."""
    response = client.get("/search", query_string={"q": name})
    assert response.status_code == 302, response.text
    parts = urlsplit(response.location)
    assert client.get(response.location).status_code == 200
    return parts.path, {key: value for key, [value] in parse_qs(parts.query).items()}


@pytest.mark.parametrize("path", ["/", "/candidates", "/units", "/sky", "/about", "/search"])
def test_every_page_has_the_search_box(explorer: FlaskClient, path: str) -> None:
    html = explorer.get(path).text
    [band] = re.findall(r'<header class="band">.*?</header>', html, re.DOTALL)
    assert band.count('action="/search"') == 1
    assert not re.search(FORBIDDEN, html)


def test_a_star_leads_to_its_page(explorer: FlaskClient, maia: str) -> None:
    for name in ("Maia", "20 tau", "HIP 17573", "hd 23408", f"Gaia DR3 {MAIA}"):
        assert led_to(explorer, name) == (maia, {"catalog": "gaia"})
    html = explorer.get(maia).text
    title = f"Maia · HIP 17573 · Gaia DR3 {MAIA}"
    assert f"<h1>{title}</h1>" in html
    assert f"<title>{title} ·" in html
    assert "Also called 20 Tau" in html


def test_a_star_that_is_not_in_the_catalog_leads_to_observations(explorer: FlaskClient) -> None:
    assert led_to(explorer, "Vega") == ("/observations", {"near": "Vega"})
    assert led_to(explorer, "HD 189733 b") == ("/observations", {"near": "HD 189733 b"})


def test_fields_lead_to_observations(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        solved = {"state": "solved", "ra_deg": 83.6, "dec_deg": 6.0}
        sequence_id = add_observation(session, field="Hunter", images=[solved])
    assert led_to(explorer, "hunter") == ("/observations", {"field": "hunter"})
    path, parameters = led_to(explorer, "Orionis")
    assert (path, parameters["near"]) == ("/observations", "Orionis")
    assert 15 < float(parameters["radius"]) < 25
    assert sequence_id in explorer.get("/observations", query_string=parameters).text
    assert led_to(explorer, "M 31") == ("/observations", {"near": "M 31"})
    assert led_to(explorer, "83.82 -5.39") == ("/observations", {"near": "83.82 -5.39"})


def test_ids_lead_to_their_pages(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{}])
    image_id = re.findall(
        r'href="/images/([^"]+)"', explorer.get(f"/observations/{sequence_id}").text
    )
    assert led_to(explorer, "pan001")[0] == "/units/PAN001"
    assert led_to(explorer, f" {sequence_id.lower()} ")[0] == f"/observations/{sequence_id}"
    assert led_to(explorer, image_id[0])[0] == f"/images/{image_id[0]}"


def test_an_unknown_name_offers_near_ones(explorer: FlaskClient) -> None:
    response = explorer.get("/search", query_string={"q": "Betelguese"})
    assert response.status_code == 200
    assert "No match for “Betelguese”" in response.text
    [link] = re.findall(r'<a href="([^"]+)">Betelgeuse</a>', response.text)
    assert explorer.get(html_text.unescape(link)).status_code == 302


def test_a_misspelled_place_offers_near_ones(explorer: FlaskClient) -> None:
    response = explorer.get("/observations", query_string={"near": "Betelguese", "radius": "5"})
    assert response.status_code == 400
    [link] = re.findall(r'<a href="([^"]+)">Betelgeuse</a>', response.text)
    assert explorer.get("/observations" + html_text.unescape(link)).status_code == 200


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "' OR 1=1 --", "☄" * 300, "?!"])
def test_hostile_names_are_shown_as_text(explorer: FlaskClient, name: str) -> None:
    response = explorer.get("/search", query_string={"q": name})
    assert response.status_code == 200
    assert "No match for" in response.text
    assert not re.search(FORBIDDEN, response.text)
    assert "<script>alert" not in response.text


def test_nothing_typed_explains_the_search(explorer: FlaskClient) -> None:
    response = explorer.get("/search?q=")
    assert response.status_code == 200
    assert "Find by name" in response.text
