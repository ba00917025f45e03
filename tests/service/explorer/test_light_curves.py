"""The pages of light curves and candidates, as a reader of their HTML sees them."""

import html as html_text
import re
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, update

from observations_explorer.pages.unmeasurable import TOO_BRIGHT
from panoptes_network.database.light_curve_models import LightCurveSet, StarLightCurve
from panoptes_network.light_curves.schema import QUALITY_MEANINGS, Quality
from tests.service.support.light_curve_rows import (
    DEPTH,
    FIRST_PICID,
    FRAMES,
    NOISE,
    Curves,
    add_light_curves,
    transit,
)
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.web_services import FORBIDDEN, add_observation, rows, storage_at

NIGHT = Curves()
MID = float(NIGHT.bjd_tdb[FRAMES // 2])
STAR = "/sources/1000?catalog=tic"
CONSTANT = "/sources/1001?catalog=tic"
SOLVED = {"state": "sources_extracted"}
HOSTILE = "<b>Out of memory</b>"


@pytest.fixture
def sequence_id(db: Engine, storage_port: int, tmp_path: Path) -> str:
    """A sequence with light curves of five stars; the first has a transit, which was found."""
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED] * 2)
        add_stars(session, sequence_id, StarField())
        with storage_at(storage_port):
            add_light_curves(session, sequence_id, NIGHT, tmp_path)
        depths = {"r": [0.011, 0.002], "b": [0.008, 0.003]}
        vetting = {"colours_agree": 3, "odd_even_sigma": None, "colour_depths": depths}
        session.add(transit(sequence_id, mid_bjd_tdb=MID, vetting=vetting))
    return sequence_id


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    """Return a page without what its policy refuses."""
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert not re.search(FORBIDDEN, answer.text)
    return answer.text


def section(html: str, name: str) -> str:
    """Return the part of a page below the heading with an id."""
    return html.split(f'id="{name}"')[1].split("</section>", maxsplit=1)[0]


def words(html: str) -> str:
    return " ".join(html_text.unescape(re.sub("<[^>]+>", " ", html)).split())


def fluxes(html: str) -> list[float]:
    """Return the values that the titles of a chart's marks tell, in their order."""
    told = re.findall(r'class="mark[^>]*><title>([0-9.]+) ± [0-9.]+ % at ', html)
    return [float(value) / 100 for value in told]


def test_a_star_shows_its_detrended_curve_large(explorer: FlaskClient, sequence_id: str) -> None:
    curve = section(page(explorer, STAR), "curve")
    np.testing.assert_allclose(fluxes(curve), NIGHT.flux[0], atol=5.1e-5)
    assert curve.count('class="mark hollow"') == 1
    meaning = QUALITY_MEANINGS[Quality.CLOUD]
    first = f"{NIGHT.middles[3]:%Y-%m-%d %H:%M:%S} UTC, BJD {NIGHT.bjd_tdb[3]:.5f}; {meaning}"
    assert first in curve
    assert f"1 frame: {meaning}" in words(curve)
    assert ">14:00</text>" in curve
    assert "/images/PAN001_14d3bd_20181011T134202" in curve
    said = "scatter of one frame 0.40 % , expected 0.40 % from photons and readout; reduced"
    assert said in words(curve)
    assert "149 of 150 frames good" in words(curve)
    for form in ("csv", "fits", "votable", "parquet"):
        assert f"lightcurve?format={form}&amp;method=detrended&amp;catalog=tic" in curve


def test_the_transit_that_was_found_is_drawn_and_told(
    explorer: FlaskClient, sequence_id: str
) -> None:
    html = page(explorer, STAR)
    corners = re.findall(r'<polyline class="transit" points="([^"]+)"', section(html, "curve"))
    x, y = np.array([corner.split(",") for corner in corners[0].split()], float).T
    assert len(x) == 6
    assert y[0] == y[1] == y[4] == y[5] < y[2] == y[3]
    # 2.5 of the 149 steps' 6.21 hours.
    assert (x[3] - x[2]) / (x[5] - x[0]) == pytest.approx(2.5 / (149 * 150 / 3600), rel=2e-3)
    found = words(section(html, "candidate"))
    assert "Transit found" in found
    assert "Depth 1.00 ± 0.10 %" in found
    assert "Depth by colour red 1.10 ± 0.20 % blue 0.80 ± 0.30 %" in found
    assert "Duration 2.50 h" in found
    assert f"BJD {MID:.4f}" in found
    assert f"{NIGHT.middles[FRAMES // 2]:%Y-%m-%d %H:%M} UTC" in found
    assert "Passed: all three colours agree" in found
    assert "odd" not in found


def test_a_constant_star_has_no_transit(explorer: FlaskClient, sequence_id: str) -> None:
    html = page(explorer, CONSTANT)
    assert 'id="candidate"' not in html
    assert "polyline" not in section(html, "curve")
    # It is not in the first ten frames.
    assert len(fluxes(section(html, "curve"))) == FRAMES - 10
    assert "scatter of one frame 0.80 % , expected 0.40 % from photons and readout" in words(html)


def test_raw_light_and_colours_are_a_click_away(explorer: FlaskClient, sequence_id: str) -> None:
    for steps, title, factor in (
        (["Raw", "Green"], "Flux, ADU, green", 50_000),
        (["Raw"], "Flux, ADU, all colours", 150_000),
        (["Red"], "Brightness, % of the star\N{RIGHT SINGLE QUOTATION MARK}s usual, red", 100),
    ):
        curve = section(page(explorer, STAR), "curve")
        for step in steps:
            [link] = re.findall(f'href="([^"]+)#curve"[^>]*>{step}</a>', curve)
            curve = section(page(explorer, html_text.unescape(link)), "curve")
        assert f">{title}</p>" in curve
        told = re.findall(r'class="mark[^>]*><title>([^±]+) ± ', curve)
        values = [float(re.sub(r"[^0-9.]", "", value)) for value in told]
        np.testing.assert_allclose(np.array(values) / factor, NIGHT.flux[0], atol=6e-5)
        assert len(re.findall('aria-current="true"', curve)) == 2


def test_apertures_stay_a_click_away(explorer: FlaskClient, sequence_id: str) -> None:
    html = page(explorer, f"{STAR}&method=aperture")
    assert "Raw photometry" in section(html, "curve")
    assert "scatter of one frame" not in html
    assert re.search('method=aperture[^>]*aria-current="true"', html)


def test_a_known_period_shows_the_transit_alone(
    explorer: FlaskClient, sequence_id: str, db: Engine
) -> None:
    with rows(db) as session:
        session.add(transit(None, mid_bjd_tdb=MID, period_d=1.5, significance=99.0))
    html = page(explorer, STAR)
    fold = re.findall(r'href="([^"]+)">Fold by this period', html)
    curve = section(page(explorer, html_text.unescape(fold[0])), "curve")
    assert "Hours from the middle of the transit" in curve
    assert ">0</text>" in curve
    assert "Folded by 1.5 d" in curve
    assert "Unfold" in curve


def test_another_period_folds_twice(explorer: FlaskClient, sequence_id: str) -> None:
    curve = section(page(explorer, f"{STAR}&period_d=0.1&epoch_mjd=58402.5"), "curve")
    assert len(fluxes(curve)) == 2 * FRAMES
    assert ">Phase</p>" in curve


def test_several_nights_have_their_dates(
    explorer: FlaskClient, sequence_id: str, db: Engine, storage_port: int, tmp_path: Path
) -> None:
    later = Curves(start=NIGHT.start + timedelta(days=2), n_frames=40, seed=14)
    with rows(db) as session:
        later_id = add_observation(session, start=later.start, images=[SOLVED])
        with storage_at(storage_port):
            add_light_curves(session, later_id, later, tmp_path)
    curve = section(page(explorer, STAR), "curve")
    assert ">11 Oct</text>" in curve
    assert ">13 Oct</text>" in curve
    assert curve.count('class="edge"') == 1
    assert len(fluxes(curve)) == FRAMES + 40
    assert len(fluxes(section(page(explorer, f"{STAR}&sequence_id={later_id}"), "curve"))) == 40


def test_without_a_curve_the_page_says_why(
    explorer: FlaskClient, db: Engine, storage_port: int
) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED, {}, {"state": "unsolved"}])
        add_stars(session, sequence_id, StarField())
    html = page(explorer, STAR)
    assert "Not made yet: 1 of 3 frames solved." in words(section(html, "curve"))
    assert "Raw photometry" in html
    with rows(db) as session:
        session.add(LightCurveSet(sequence_id=sequence_id, reason_code="x", reason=HOSTILE))
    assert HOSTILE in words(section(page(explorer, STAR), "curve"))
    observed = page(explorer, f"/observations/{sequence_id}")
    assert HOSTILE in html_text.unescape(section(observed, "light-curves"))


def test_a_star_that_is_not_in_the_file(explorer: FlaskClient, sequence_id: str) -> None:
    curve = section(page(explorer, "/sources/1030?catalog=tic"), "curve")
    assert f"{sequence_id} has light curves of 5 stars, but not of this one" in words(curve)


def test_a_file_that_is_gone_leaves_the_apertures(
    explorer: FlaskClient, sequence_id: str, db: Engine
) -> None:
    with rows(db) as session:
        session.execute(update(LightCurveSet).values(parquet_path="gone.parquet"))
    curve = section(page(explorer, STAR), "curve")
    assert "The file with its light curve cannot be read." in words(curve)
    assert "Raw photometry" in curve


def test_a_saturated_star_of_the_file_draws_no_curve(
    explorer: FlaskClient, db: Engine, storage_port: int, tmp_path: Path
) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED] * 2)
        with storage_at(storage_port):
            add_light_curves(session, sequence_id, Curves(saturated=(2,)), tmp_path)
    for query in ("", "&colour=g", "&method=raw"):
        curve = section(page(explorer, f"/sources/1002?catalog=tic{query}"), "curve")
        assert words(curve).count(TOO_BRIGHT) == 1
        assert "<svg" not in curve
        assert "lightcurve?format=csv" in curve
        assert TOO_BRIGHT not in page(explorer, f"{CONSTANT}{query}")


def test_a_view_that_is_none_is_named(explorer: FlaskClient, sequence_id: str) -> None:
    for query in ("method=x", "colour=x", "colour=R", "metod=raw"):
        html = page(explorer, f"{STAR}&{query}", 400)
        assert query.partition("=")[0] in words(html)


def test_an_observation_shows_the_scatter_of_its_stars(
    explorer: FlaskClient, sequence_id: str
) -> None:
    curves = section(page(explorer, f"/observations/{sequence_id}"), "light-curves")
    assert "5 catalog stars with light curves from 150 frames" in words(curves)
    assert "The median scatter at G 9 to 11 is 1.10 times the photon limit" in words(curves)
    # The fifth has no scatter.
    told = re.findall("<title>(TIC [^<]+)</title>", curves)
    assert told == [
        f"TIC {FIRST_PICID + n}: G {9 + n / 10:.2f}, {100 * NOISE * (1 + n % 3):.2f} %,"
        f" {1 + n % 3}.00 of the limit"
        for n in range(4)
    ]
    assert f'href="/sources/1000?catalog=tic&amp;sequence_id={sequence_id}"' in curves
    assert 'class="limit"' in curves
    assert "found 1 candidate : TIC 1000 ." in words(curves)
    [file] = re.findall(r'href="(/files/[^"]+\.parquet)"', curves)
    assert explorer.get(file).data[:4] == b"PAR1"
    table = re.findall(r'href="(/api/[^"]+format=csv[^"]*)"', curves)
    assert explorer.get(html_text.unescape(table[0])).text.startswith("picid,catalog,")


def test_simulated_frames_are_called_so(
    explorer: FlaskClient, db: Engine, storage_port: int, tmp_path: Path
) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED], tags=["simulated"])
        with storage_at(storage_port):
            add_light_curves(session, sequence_id, NIGHT, tmp_path)
    curves = section(page(explorer, f"/observations/{sequence_id}"), "light-curves")
    assert "Simulated frames." in words(curves)
    assert "found no candidate" in words(curves)


def test_earlier_curves_stay_when_newer_frames_made_none(
    explorer: FlaskClient, sequence_id: str, db: Engine
) -> None:
    with rows(db) as session:
        session.execute(update(LightCurveSet).values(reason_code="x", reason="Out of memory."))
    curves = section(page(explorer, f"/observations/{sequence_id}"), "light-curves")
    assert "They are from earlier frames and could not be updated: Out of memory." in words(curves)
    assert 'class="mark"' in curves


def test_an_observation_without_magnitudes_has_no_chart(
    explorer: FlaskClient, sequence_id: str, db: Engine
) -> None:
    with rows(db) as session:
        session.execute(update(StarLightCurve).values(gaia_mag=None))
    curves = section(page(explorer, f"/observations/{sequence_id}"), "light-curves")
    assert "<svg" not in curves
    assert "Parquet" in curves


def test_a_small_curve_is_a_picture_of_its_own(explorer: FlaskClient, sequence_id: str) -> None:
    answer = explorer.get(f"/sources/1000/curve.svg?catalog=tic&sequence_id={sequence_id}")
    assert answer.mimetype == "image/svg+xml"
    # All but the one in cloud; the means of a quarter of an hour; the transit.
    marks, means = re.findall(r'<path d="([^"]*)"', answer.text)
    assert marks.count("M") == FRAMES - 1
    assert means.count("M") == 25
    assert answer.text.count("<polyline") == 1
    assert not re.search("<script|<style|style=|href", answer.text)


def test_a_small_curve_of_a_star_without_one_is_empty(
    explorer: FlaskClient, sequence_id: str
) -> None:
    answer = explorer.get("/sources/1030/curve.svg?catalog=tic")
    assert answer.status_code == 200
    assert "<path" not in answer.text
    assert explorer.get("/sources/999999/curve.svg").status_code == 404


def test_depths_of_the_marks_are_those_of_the_transit(
    explorer: FlaskClient, sequence_id: str
) -> None:
    values = np.array(fluxes(section(page(explorer, STAR), "curve")))
    inside, outside = values[NIGHT.is_in_transit], values[~NIGHT.is_in_transit]
    assert outside.mean() - inside.mean() == pytest.approx(DEPTH, abs=0.0015)


def test_the_figure_is_a_picture_that_needs_no_page(
    explorer: FlaskClient, sequence_id: str
) -> None:
    curve = section(page(explorer, f"{STAR}&colour=g"), "curve")
    [(address, name)] = re.findall(r'href="([^"]+)" download="([^"]+)"', curve)
    answer = explorer.get(html_text.unescape(address))
    assert answer.mimetype == "image/svg+xml"
    assert name == "TIC-1000-light-curve.svg"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{name}"'
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    # Kept like its page: asked for again by its ETag.
    again = explorer.get(
        html_text.unescape(address), headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    root = ET.fromstring(answer.text)  # noqa: S314 - of our own service
    svg = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{svg}title") == "TIC 1000"
    assert len(root.findall(f"{svg}*[@class='mark']")) == FRAMES
    assert len(root.findall(f"{svg}polyline")) == 1
    told = [element.text for element in root.findall(f"{svg}text")]
    assert "Brightness, % of the star\N{RIGHT SINGLE QUOTATION MARK}s usual, green" in told
    assert "14:00" in told
    # Its colours stand in its elements: it has no style, and asks for nothing.
    assert not re.search("<script|<style|style=|href|url\\(|var\\(", answer.text)
    assert "#1c7a3c" in answer.text


def test_a_folded_figure_has_each_frame_twice(explorer: FlaskClient, sequence_id: str) -> None:
    curve = section(page(explorer, f"{STAR}&period_d=0.1&method=raw"), "curve")
    [address] = re.findall(r'href="([^"]+light-curve.svg[^"]*)"', curve)
    text = explorer.get(html_text.unescape(address)).text
    assert text.count('class="mark"') == 2 * FRAMES
    assert ">Phase</text>" in text


def test_a_figure_of_nothing_is_refused(explorer: FlaskClient, sequence_id: str) -> None:
    figure = "/sources/1000/light-curve.svg?catalog=tic"
    page(explorer, f"{figure}&method=aperture", 400)
    page(explorer, f"{figure}&colour=x", 400)
    page(explorer, f"{figure}&light=flux", 400)
    page(explorer, figure.replace("1000", "1030"), 404)
    page(explorer, figure.replace("1000", "999999"), 404)
    assert "light-curve.svg" not in page(explorer, f"{STAR}&method=aperture")
