"""The pages of one observation, one image and one star, as a reader of their HTML sees them."""

import html as html_text
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import numpy as np
import pytest
from astropy.io import fits
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine
from werkzeug.exceptions import ServiceUnavailable

from observations_explorer.data_service import fetch
from observations_explorer.pages.unmeasurable import NOT_COMPARED, TOO_BRIGHT
from tests.service.support.star_fields import SATURATED_STAR, StarField, add_stars
from tests.service.support.viewer_rows import FIELD, FRAMES, SOLVED, Viewed, add_viewed_observation
from tests.service.support.web_services import START, add_observation, rows

STAR = "/sources/1000?catalog=tic"
FORBIDDEN = r"<style|<script(?![^>]* src=\"/static/[^\"]+\"></script>)|\sstyle=|\son\w+="
"""What the pages' policy refuses: anything inline, and scripts from elsewhere."""


@pytest.fixture
def viewed(db: Engine, storage_port: int) -> Viewed:
    return add_viewed_observation(db, storage_port)


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


def test_image_page_without_the_names(
    explorer: FlaskClient, viewed: Viewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> NoReturn:
        raise ServiceUnavailable("storage is unavailable")

    monkeypatch.setattr("observations_explorer.pages.image.fetch", _without_objects(away))
    html = page(explorer, f"/images/{viewed.image_ids[1]}")
    assert 'id="in-picture"' not in html
    assert "FITS header" in words(html)


def _without_objects(away: Callable[..., NoReturn]) -> Callable[..., Any]:
    def fetched(kind: Callable[..., Any], path: str, /, **parameters: str) -> Any:
        return away() if path.endswith("/objects") else fetch(kind, path, **parameters)

    return fetched


def test_image_page_names_what_is_in_the_picture(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, f"/images/{viewed.image_ids[1]}")
    listed = section(html, "in-picture")
    assert "Orion 100 %" in words(listed)
    assert 'href="/search?q=M42">Great Orion Nebula</a>' in listed
    assert "deep-sky object, 4.0 mag" in words(listed)
    over = html.split('class="over named"')[1].split("</div>", maxsplit=1)[0]
    # The frame is a degree wide: the nebula, drawn to scale, is as large.
    assert over.count("<circle cx=") >= 1
    assert ">M42</text>" in over


def test_an_unsolved_image_names_nothing(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, "/images/PAN001_ee04d1_20181011T134543")
    assert "In this picture" not in html
    assert "with-names" not in html


def test_image_page_draws_what_is_known(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, f"/images/{viewed.image_ids[1]}")
    picture = section(html, "picture")
    # A superpixel is a unit of the overlay: half the frame's 400 pixels.
    assert 'viewBox="0 0 200 200"' in picture
    assert 'data-width="200" data-height="200"' in html
    assert picture.count("<path") >= 4
    assert "5h 36m" in picture
    assert 'aria-label="North and east in the picture"' in picture
    assert "″/px" in section(html, "figures")
    assert 'class="frame" d="M' in section(html, "footprint")
    assert "cf-header-to-db" in section(html, "history")
    assert "Solved FITS" in section(html, "downloads")
    assert [f'rel="{side}" href="/images/{viewed.image_ids[n]}"' in html
            for side, n in (("prev", 0), ("next", 2))] == [True, True]  # fmt: skip
    assert f'href="/observations/{viewed.sequence_id}"' in html


def test_image_page_leads_to_its_brightest_stars(explorer: FlaskClient, viewed: Viewed) -> None:
    stars = section(page(explorer, f"/images/{viewed.image_ids[0]}"), "stars")
    links = re.findall(r'<th scope="row"><a href="([^"]+)">([^<]+)</a>', stars)
    assert len(links) == 12
    brightest = 1000 + SATURATED_STAR
    assert links[0] == (f"/sources/{brightest}?catalog=tic", f"TIC {brightest}")
    assert words(page(explorer, links[0][0])).startswith(f"TIC {brightest}")


def test_cards_that_cannot_be_used_are_told(explorer: FlaskClient, viewed: Viewed) -> None:
    told, silent = (
        section(explorer.get(f"/images/{image_id}").text, "header")
        for image_id in ("PAN001_ee04d1_20181011T134543", viewed.image_ids[0])
    )
    assert "<code>EXPTIME</code> says “&lt;-1&gt;”, which is not seconds." in told
    assert "Some header cards are invalid" in told
    assert "Some header cards are invalid" not in silent


@pytest.mark.parametrize(
    ("sought", "names"),
    [
        ("", ["AIRMASS", "EXPTIME", "FIELD", "ISBIAS"]),
        ("air", ["AIRMASS"]),
        ("120.4", ["EXPTIME"]),
        ("<b>", ["FIELD"]),
        ("no such", []),
    ],
)
def test_header_is_searched(
    explorer: FlaskClient, viewed: Viewed, sought: str, names: list[str]
) -> None:
    answer = explorer.get(f"/images/{viewed.image_ids[0]}", query_string={"header": sought})
    header = section(answer.text, "header")
    assert re.findall(r'<th scope="row">(\w+)</th>', header) == names
    assert "<b>" not in header


def test_image_without_picture_says_why(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, "/images/PAN001_ee04d1_20181011T134543")
    assert "No picture of this image yet." in html
    assert "only 3 stars were found" in html
    # The table of advice has what to do.
    assert "Clouds pass; dew needs a heater" in html
    assert "None yet" not in section(html, "downloads")


@pytest.mark.parametrize("path", ["/images/PAN001_14d3bd_20000101T000000", "/images/..%2fhealth"])
def test_unknown_image(explorer: FlaskClient, path: str) -> None:
    page(explorer, path, 404)


def test_observation_page_has_frames_plots_and_reasons(
    explorer: FlaskClient, viewed: Viewed
) -> None:
    html = page(explorer, f"/observations/{viewed.sequence_id}")
    frames = section(html, "pictures")
    assert re.findall(r'<li>\s*<a href="/images/([^"]+)"', frames) == viewed.image_ids
    titles = re.findall(r'data-title="([^"]+)"', section(html, "quality"))
    assert titles == [
        "Star width (FWHM)",
        "Sky background",
        "Astrometric rms",
        "Sources",
        "Limiting magnitude",
        "Zero point magnitude",
        "Offset drift",
    ]
    assert 'id="failures"' not in html
    failed = page(explorer, "/observations/PAN001_ee04d1_20181011T134202")
    reasons = words(section(failed, "failures"))
    assert "1 image unsolved Too few stars: clouds, dew, daylight, or a closed cover." in reasons
    assert "Clouds pass; dew needs a heater on the lens" in reasons


def test_both_cameras_lead_to_each_other(explorer: FlaskClient, viewed: Viewed) -> None:
    cameras = section(page(explorer, f"/observations/{viewed.sequence_id}"), "cameras")
    other_id = "PAN001_ee04d1_20181011T134202"
    assert f'href="/observations/{other_id}"' in cameras
    back = section(page(explorer, f"/observations/{other_id}"), "cameras")
    assert f'href="/observations/{viewed.sequence_id}"' in back
    # The picture nearest to where this camera's middle one would be: there is none here.
    assert "_20181011T" in back


def test_a_camera_alone_has_no_other(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session)
        add_observation(session, unit_id="PAN002", camera_id="f5a6b7")
    assert 'id="cameras"' not in page(explorer, f"/observations/{sequence_id}")


def test_citation_names_the_unit_and_escapes_tex(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, field="A&B_{50%} \\x", images=[{}, {}])
    cite = html_text.unescape(section(page(explorer, f"/observations/{sequence_id}"), "cite"))
    said = "PANOPTES unit PAN001: A&B_{50%} \\x, 2018-10-11 13:42:02 UTC, 2 exposures of 120 s."
    assert said in words(cite)
    assert f"@misc{{{sequence_id}," in cite
    assert r"A\&B\_\{50\%\} \textbackslash{}x" in cite
    assert f"http://localhost/observations/{sequence_id}" in cite


def test_files_are_listed_at_the_own_origin(explorer: FlaskClient, viewed: Viewed) -> None:
    path = f"/observations/{viewed.sequence_id}/files.txt"
    answer = explorer.get(path, query_string={"kind": "picture"})
    assert answer.mimetype == "text/plain"
    lines = answer.text.splitlines()
    assert len(lines) == FRAMES
    folder = "http://localhost/files/processed/PAN001/M42/14d3bd/20181011T134202"
    assert lines[0] == f"{folder}/20181011T134333.jpg"
    assert explorer.get(lines[0].removeprefix("http://localhost")).status_code == 200
    assert len(explorer.get(path).text.splitlines()) == 5 * FRAMES
    assert explorer.get(path, query_string={"kind": "secret"}).status_code == 400


def test_star_page_tells_what_is_known(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, STAR)
    assert f"{FRAMES} frames in 1 observation" in words(html)
    facts = section(html, "facts")
    # 83.1° = 5 h 32 m 24 s and 5.2° = 5° 12', by hand.
    assert "05h 32m 24.0s" in facts
    assert "83.1000°" in facts
    assert "Raw photometry" in section(html, "curve")
    assert "It is not flat-fielded" in section(html, "curve")
    for form in ("csv", "fits", "votable", "parquet"):
        assert f"/api/sources/1000/lightcurve?format={form}&amp;catalog=tic" in html
    assert f'href="/observations/{viewed.sequence_id}"' in section(html, "visits")


def test_star_page_plots_each_colour_with_errors(explorer: FlaskClient, viewed: Viewed) -> None:
    curve = section(page(explorer, STAR), "curve")
    assert re.findall(r'data-title="([^"]+)"', curve) == ["Red", "Green", "Blue"]
    assert curve.count('class="error"') == curve.count("<circle") == 3 * FRAMES
    # Star 0 is a fifth fainter in three of the frames.
    green = [float(v) for v in re.findall(r'data-value="([^"]+)"', curve)][FRAMES : 2 * FRAMES]
    assert sorted(np.argsort(green)[:3]) == [4, 5, 6]


def test_star_page_tells_of_which_observation_the_light_curve_is(
    explorer: FlaskClient, viewed: Viewed, db: Engine
) -> None:
    with rows(db) as session:
        other = add_observation(session, start=START + timedelta(days=1), images=[SOLVED] * 2)
        add_stars(session, other, FIELD)
    html = page(explorer, f"{STAR}&sequence_id={other}")
    assert f"2 frames of {FRAMES + 2}, those of this observation" in words(section(html, "curve"))


def test_light_curve_is_folded(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, f"{STAR}&period_d=0.01&epoch_mjd=58402.5")
    curve = section(html, "curve")
    phases = [float(at) for at in re.findall(r'data-at="([^"]+)"', curve)][: 2 * FRAMES]
    items = explorer.get(f"/api{STAR.replace('?', '/lightcurve?')}").get_json()["items"]
    times = np.array([item["mjd"] for item in items])
    expected = ((times - 58402.5) / 0.01) % 1
    np.testing.assert_allclose(phases, np.concatenate([expected, expected + 1]), atol=1e-6)
    assert 'value="0.01"' in curve
    assert "Unfold" in curve
    assert "Folded by 0.01 d" in curve


def test_star_page_leads_to_archives_elsewhere(explorer: FlaskClient, viewed: Viewed) -> None:
    facts = section(page(explorer, STAR), "facts")
    links = re.findall(r'<a href="(https://[^"]+)" rel="noopener noreferrer">([^<]+)</a>', facts)
    names = ["SIMBAD", "VizieR", "ESASky", "VSX", "Aladin Lite", "ExoFOP"]
    assert [name for _, name in links] == names
    assert "id=1000" in links[-1][0]
    # The catalog's place, not that in the newest image.
    assert all("83.100000%20-5.200000" in url for url, _ in links[:-1])
    assert len(re.findall("https://", facts)) == len(names)


def test_a_saturated_star_says_so_and_draws_nothing(explorer: FlaskClient, viewed: Viewed) -> None:
    for method in ("", "&method=aperture"):
        html = page(explorer, f"/sources/{1000 + SATURATED_STAR}?catalog=tic{method}")
        curve = section(html, "curve")
        assert words(curve).count(TOO_BRIGHT) == 1
        assert "No detrended light curve" not in words(curve)
        assert "<circle" not in curve
        assert "<svg" not in curve
    assert TOO_BRIGHT not in words(page(explorer, STAR))


def test_a_star_without_comparison_stars_says_so(
    explorer: FlaskClient, db: Engine, storage_port: int
) -> None:
    with rows(db) as session:
        alone = add_observation(session, start=START, images=[SOLVED] * 4)
        add_stars(session, alone, StarField(number=2))
    curve = section(page(explorer, STAR), "curve")
    assert words(curve).count(NOT_COMPARED) == 1
    assert TOO_BRIGHT not in words(curve)
    assert "<circle" not in curve
    sums = section(page(explorer, f"{STAR}&light=flux"), "curve")
    assert NOT_COMPARED in words(sums)
    assert sums.count("<circle") == 3 * 4


def test_a_saturated_star_is_shown_by_its_raw_sums(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, f"/sources/{1000 + SATURATED_STAR}?catalog=tic&light=flux")
    assert "ADU" in section(html, "curve")
    assert TOO_BRIGHT in words(section(html, "curve"))
    assert section(html, "curve").count("<circle") == 3 * FRAMES


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("period_d=0", "“Period” must be"),
        ("period_d=1;DROP+TABLE+sources", "“Period” must be"),
        ("period_d=1&epoch_mjd=nan", "“Phase 0” must be"),
        ("light=x", "light"),
        ("catalog=<script>", "catalog"),
    ],
)
def test_a_parameter_that_is_none_is_named(explorer: FlaskClient, query: str, name: str) -> None:
    html = page(explorer, f"/sources/1000?{query}", 400)
    assert name in words(html)


@pytest.mark.parametrize("picid", ["999999", "-1"])
def test_unknown_star(explorer: FlaskClient, db: Engine, picid: str) -> None:
    page(explorer, f"/sources/{picid}", 404)


@pytest.mark.parametrize("picid", ["x", "1e9", "99999999999999999999", "%00"])
def test_a_number_of_a_star_that_is_none(explorer: FlaskClient, picid: str) -> None:
    assert explorer.get(f"/sources/{picid}").status_code in {400, 404}


def test_sheet_of_stamps(explorer: FlaskClient, viewed: Viewed) -> None:
    answer = explorer.get("/sources/1000/stamps.png?catalog=tic")
    assert answer.mimetype == "image/png"
    sheet = np.asarray(Image.open(io.BytesIO(answer.data)))
    # Twelve stamps of 10 pixels in a row, and lines between them.
    assert sheet.shape == (10, 12 * 11 - 1)
    red = Image.open(io.BytesIO(explorer.get("/sources/1000/stamps.png?colour=r").data))
    assert red.size == (12 * 6 - 1, 5)
    assert explorer.get("/sources/1000/stamps.png?colour=x").status_code == 400


def test_star_page_leads_to_its_pixels(explorer: FlaskClient, viewed: Viewed) -> None:
    html = page(explorer, STAR)
    address = html_text.unescape(re.findall(r'href="([^"]+/cutout[^"]+)"', html)[0])
    assert address.startswith(f"/api/images/{viewed.image_ids[-1]}/cutout?ra=83.")
    with fits.open(io.BytesIO(explorer.get(address).data)) as hdus:
        assert hdus[0].data.shape == (64, 64)
        assert hdus[0].header["IMAGEID"] == viewed.image_ids[-1]


def test_finder_chart_marks_the_neighbours(explorer: FlaskClient, viewed: Viewed) -> None:
    finder = section(page(explorer, STAR), "finder")
    # The chart reaches 131 pixels of the picture to the right of the star, which is the first
    # in the first of seven columns: over six of these, whose 35 stars are this one and others.
    assert finder.count('class="neighbour"') == 34
    assert "/sources/1001?catalog=tic" in finder
    assert "/sources/1000?catalog=tic" not in finder
    # Only the first star's magnitude is in the catalog.
    assert "mag (" not in finder
    other = section(page(explorer, "/sources/1001?catalog=tic"), "finder")
    assert "<title>TIC 1000, 9.5 mag (TESS)</title>" in other
    *_, side = map(float, re.findall(r'viewBox="([^"]+)"', finder)[0].split())
    # 1.5 degrees of 20.58 arcsec for each pixel of the picture.
    assert side == pytest.approx(1.5 * 3600 / 20.58, rel=1e-3)
