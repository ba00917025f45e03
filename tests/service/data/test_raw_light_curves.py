"""Raw light curves, measured on stamps."""

import io
from datetime import datetime, timedelta

import numpy as np
import pytest
from astropy.io.votable import parse, parse_single_table
from astropy.time import Time
from flask.testing import FlaskClient
from pyarrow import parquet
from sqlalchemy import Engine, text

from tests.service.support.star_fields import (
    DIP_FRAMES,
    SATURATED_STAR,
    StarField,
)
from tests.service.support.star_sequences import FIELD, FRAMES, STAR, add_sequence, hide, open_fits
from tests.service.support.web_services import (
    START,
    create_app,
    get,
)


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture
def image_ids(db: Engine) -> list[str]:
    """A sequence of frames with stars in them; the first star dips."""
    return add_sequence(db, FIELD)


def test_the_light_curve_goes_on_where_a_star_was_not_detected(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    """And no star is compared with it there, nor called crowded by it."""
    before = get(client, f"/sources/{FIELD.first_picid + 1}/lightcurve")
    picid = hide(db, image_ids)
    own = get(client, f"/sources/{picid}/lightcurve")
    assert own["total"] == FRAMES
    after = get(client, f"/sources/{FIELD.first_picid + 1}/lightcurve")
    assert picid in before["comparison"]
    assert picid not in after["comparison"]
    assert set(before["comparison"]) - {picid} <= set(after["comparison"])


def test_a_dip_in_the_light_curve(client: FlaskClient, image_ids: list[str]) -> None:
    found = get(client, f"{STAR}/lightcurve")
    assert [item["image_id"] for item in found["items"]] == image_ids
    assert found["total"] == FRAMES
    assert "Raw photometry" in found["method"]
    assert found["aperture"]["radius_px"] == 3
    [sequence] = found["sequences"]
    used = [star["picid"] for star in sequence["comparison"]]
    assert used == found["comparison"]
    assert len(used) == 30
    assert not {"1000", str(1000 + SATURATED_STAR)} & set(used)
    for colour in "rgb":
        relative = np.array([item[f"relative_{colour}"] for item in found["items"]])
        error = np.array([item[f"relative_err_{colour}"] for item in found["items"]])
        depth = 1 - np.median(relative[DIP_FRAMES]) / np.median(np.delete(relative, DIP_FRAMES))
        # The field's stars have sigma 1.5 px, wide enough that the Bayer pattern tells little.
        assert depth == pytest.approx(FIELD.dip, abs=4 * np.median(error) / np.sqrt(3) + 0.01)
        assert np.median(relative) == pytest.approx(1)
        flux = np.array([item[f"flux_{colour}"] for item in found["items"]])
        true_flux = np.array([FIELD.fluxes(frame)[0] for frame in range(FRAMES)])
        # Of such a star's light, 0.865 lies within 3 px = 2 sigma (1 - exp(-2)); what the
        # border's median takes of it is some 0.03.
        fraction = flux * {"r": 4, "g": 2, "b": 4}[colour] / true_flux
        assert np.median(fraction) == pytest.approx(0.835, abs=0.04)
    assert {item["n_comparison"] for item in found["items"]} == {30}
    assert {item["flags"] for item in found["items"]} == {0}


def test_times_are_the_middle_of_exposures(client: FlaskClient, image_ids: list[str]) -> None:
    item = get(client, f"{STAR}/lightcurve")["items"][3]
    start = Time(datetime.fromisoformat(item["time"]), scale="utc")
    # To the millisecond that the answer is given to.
    assert item["mjd"] == pytest.approx(start.mjd + 60.2 / 86400, abs=1.2e-8)


def test_a_saturated_star_is_flagged(client: FlaskClient, image_ids: list[str]) -> None:
    found = get(client, f"/sources/{1000 + SATURATED_STAR}/lightcurve")
    assert {item["flags"] for item in found["items"]} == {4}


def test_frames_that_a_star_is_not_in(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    with db.begin() as connection:
        # The star itself lacks a frame; ten stars lack three of twelve, a quarter.
        connection.execute(
            text(
                "DELETE FROM sources USING images WHERE sources.image_key = images.image_key"
                " AND (image_id = :first AND picid = 1000"
                "      OR image_id = ANY(:later) AND picid BETWEEN 1010 AND 1019)"
            ),
            {"first": image_ids[0], "later": image_ids[3:6]},
        )
    found = get(client, f"{STAR}/lightcurve")
    assert [item["image_id"] for item in found["items"]] == image_ids[1:]
    used = set(found["comparison"])
    assert used
    assert not used & set(range(1010, 1020))


def test_too_few_stars_to_compare_with(client: FlaskClient, db: Engine) -> None:
    add_sequence(db, StarField(number=4), frames=3)
    found = get(client, f"{STAR}/lightcurve")
    assert found["comparison"] == []
    assert found["sequences"][0]["scatter"] == {"r": None, "g": None, "b": None}
    for item in found["items"]:
        assert (item["n_comparison"], item["relative_g"], item["relative_err_g"]) == (0, None, None)
        assert item["flux_g"] > 1000


def test_each_sequence_is_measured_for_itself(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    fainter = StarField(number=30)
    add_sequence(db, fainter, start=START + timedelta(days=30), frames=5)
    found = get(client, f"{STAR}/lightcurve")
    assert [said["n_frames"] for said in found["sequences"]] == [FRAMES, 5]
    times = [item["time"] for item in found["items"]]
    assert times == sorted(times)
    assert len(times) == FRAMES + 5
    for said in found["sequences"]:
        own = [
            item["relative_g"]
            for item in found["items"]
            if item["sequence_id"] == said["sequence_id"]
        ]
        assert np.median(own) == pytest.approx(1)
    newest = get(client, f"{STAR}/lightcurve", limit="7")
    assert [item["time"] for item in newest["items"]] == times[-7:]


def test_light_curve_as_tables(client: FlaskClient, image_ids: list[str]) -> None:
    items = get(client, f"{STAR}/lightcurve")["items"]
    lines = client.get(f"{STAR}/lightcurve?format=csv").text.splitlines()
    assert lines[0].startswith("image_id,sequence_id,time,mjd,exptime_s,flux_r")
    assert len(lines) == 1 + FRAMES
    document = client.get(f"{STAR}/lightcurve?format=votable").data
    table = parse_single_table(io.BytesIO(document)).to_table()
    assert table["flux_g"].tolist() == [item["flux_g"] for item in items]
    assert str(table["flux_g"].unit) == "adu"
    with open_fits(client, f"{STAR}/lightcurve") as hdus:
        curve = hdus[1]
        assert curve.data["relative_b"].tolist() == [item["relative_b"] for item in items]
        assert curve.data["n_comparison"].tolist() == [30] * FRAMES
        assert curve.columns["flux_err_r"].unit == "adu"
        assert "Raw photometry" in "".join(hdus[0].header["COMMENT"])


def test_the_tables_of_a_light_curve_say_how_it_was_measured(
    client: FlaskClient, image_ids: list[str]
) -> None:
    method = get(client, f"{STAR}/lightcurve")["method"]
    document = parse(io.BytesIO(client.get(f"{STAR}/lightcurve?format=votable").data))
    [resource] = document.resources
    assert {info.name: info.value for info in resource.infos} == {"method": method}
    origins = {system.ID: system.timeorigin for system in resource.time_systems}
    assert origins[document.get_field_by_id("mjd").ref] == "MJD-origin"
    written = io.BytesIO(client.get(f"{STAR}/lightcurve?format=parquet").data)
    assert parquet.read_schema(written).metadata[b"method"].decode() == method
