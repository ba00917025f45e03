"""Detrended light curves of observations-data, over a real database and a real storage."""

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from astropy.io.votable import parse, parse_single_table
from flask.testing import FlaskClient
from pyarrow import parquet
from sqlalchemy import Engine

from observations_data import file_storage
from panoptes_network import storage
from panoptes_network.light_curves.schema import (
    FRAME_COLUMNS,
    MEASUREMENT_COLUMNS,
    QUALITY_MEANINGS,
)
from tests.service.support.functions import asks_to_come_again
from tests.service.support.hanging import hanging
from tests.service.support.light_curve_nights import (
    CURVE,
    LATER,
    NIGHT,
    STAR,
    add_night,
    detrended,
    open_fits,
)
from tests.service.support.light_curve_rows import (
    BUCKET,
    DEPTH,
    FRAMES,
    NOISE,
)
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.web_services import (
    add_observation,
    create_app,
    get,
    problem,
    rows,
    storage_at,
    store,
)


@pytest.fixture
def client(db: Engine, storage_port: int) -> Iterator[FlaskClient]:
    with storage_at(storage_port):
        yield create_app("observations-data").test_client()


@pytest.fixture
def sequence_id(client: FlaskClient, db: Engine, tmp_path: Path) -> str:
    """A sequence with light curves; the first star has a transit."""
    return add_night(db, NIGHT, tmp_path, state="sources_extracted")


@pytest.fixture
def later_id(sequence_id: str, db: Engine, tmp_path: Path) -> str:
    """A shorter sequence two nights later, with the same stars."""
    return add_night(db, LATER, tmp_path)


def test_a_detrended_light_curve_shows_the_transit(client: FlaskClient, sequence_id: str) -> None:
    found = detrended(client)
    assert (found["picid"], found["catalog"], found["total"]) == ("1000", "tic", FRAMES)
    flux = np.array([item["flux"] for item in found["items"]])
    np.testing.assert_allclose(flux, NIGHT.flux[0], atol=1e-6)
    depth = flux[~NIGHT.is_in_transit].mean() - flux[NIGHT.is_in_transit].mean()
    assert depth == pytest.approx(DEPTH, abs=4 * NOISE / math.sqrt(60))
    first = found["items"][0]
    wanted = {column.name for column in (*FRAME_COLUMNS, *MEASUREMENT_COLUMNS)}
    assert first.keys() == wanted | {"sequence_id"}
    assert first["image_id"] == NIGHT.image_ids[0]
    assert first["sequence_id"] == sequence_id
    assert first["time"] == "2018-10-11T13:43:02Z"
    assert first["bjd_tdb"] == pytest.approx(NIGHT.bjd_tdb[0], abs=1e-9)
    assert (first["flux_err"], first["raw_flux_err_g"], first["x_px"]) == (NOISE, 300, 100.25)
    assert (first["airmass"], first["fwhm_px"], first["zero_point_b"]) == (1.8, 2.2, 20.5)
    assert found["items"][3]["quality"] == 16
    assert found["star"] == {"ra_deg": 83.8, "dec_deg": -5.4, "gaia_mag": 9}


def test_answers_are_as_the_document_says(client: FlaskClient, sequence_id: str) -> None:
    said = get(client, "/openapi.json")
    for path, of_path, parameters in (
        (CURVE, "/sources/{picid}/lightcurve", {"method": "detrended"}),
        (
            f"/observations/{sequence_id}/light-curves",
            "/observations/{sequence_id}/light-curves",
            {},
        ),
        (STAR, "/sources/{picid}", {}),
    ):
        content = said["paths"][of_path]["get"]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        if "anyOf" in schema:
            schema = schema["anyOf"][1]
        document = jsonschema.Draft202012Validator({**schema, "components": said["components"]})
        assert list(document.iter_errors(get(client, path, **parameters))) == []


def test_the_bits_of_quality_are_told(client: FlaskClient, sequence_id: str) -> None:
    said = {each["bit"]: each["meaning"] for each in detrended(client)["quality"]}
    assert said == {int(bit): meaning for bit, meaning in QUALITY_MEANINGS.items()}


def test_the_sequence_has_the_star_s_figures(client: FlaskClient, sequence_id: str) -> None:
    [said] = detrended(client)["sequences"]
    assert (said["sequence_id"], said["n_frames"], said["n_good"]) == (sequence_id, 150, 149)
    assert (said["scatter"], said["expected_noise"]) == (NOISE, NOISE)
    assert (said["reduced_chi2"], said["variability"], said["quality"]) == (1, 0, 16)
    assert said["files"].keys() == {"light_curves", "light_curves_fits"}


def test_a_star_s_rows_begin_where_its_own_do(client: FlaskClient, sequence_id: str) -> None:
    """The second star is in fewer frames, which shifts the rows of those behind it."""
    second = detrended(client, "/sources/1001/lightcurve")
    assert second["total"] == FRAMES - 10
    assert second["items"][0]["image_id"] == NIGHT.image_ids[10]
    third = detrended(client, "/sources/1002/lightcurve")
    flux = [item["flux"] for item in third["items"]]
    np.testing.assert_allclose(flux, NIGHT.flux[2], atol=1e-6)


def test_all_nights_come_in_order_of_time(
    client: FlaskClient, sequence_id: str, later_id: str
) -> None:
    found = detrended(client)
    assert found["total"] == FRAMES + 40
    times = [item["bjd_tdb"] for item in found["items"]]
    assert times == sorted(times)
    assert [said["sequence_id"] for said in found["sequences"]] == [sequence_id, later_id]
    assert detrended(client, sequence_id=later_id.lower())["total"] == 40


def test_a_limit_keeps_the_newest_frames(
    client: FlaskClient, sequence_id: str, later_id: str
) -> None:
    found = detrended(client, limit="45")
    ids = [item["image_id"] for item in found["items"]]
    assert ids == [*NIGHT.image_ids[-5:], *LATER.image_ids]
    assert len(detrended(client, limit="40")["sequences"]) == 1


def test_a_star_without_a_detrended_light_curve(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{"state": "sources_extracted"}] * 3)
        add_stars(session, sequence_id, StarField())
    found = detrended(client)
    assert (found["items"], found["sequences"], found["star"]) == ([], [], None)
    assert len(open_fits(client, method="detrended")[1].data) == 0
    assert problem(client, "/sources/7/lightcurve", 404, method="detrended")


def test_without_a_method_the_light_is_raw_as_ever(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(
            session, images=[{"state": "sources_extracted", "exptime_s": 120.0}] * 3
        )
        add_stars(session, sequence_id, StarField())
    found = get(client, CURVE)
    assert found == get(client, CURVE, method="raw")
    assert found["method"].startswith("Raw photometry.")
    assert "relative_g" in found["items"][0]


def test_an_unknown_method(client: FlaskClient, sequence_id: str) -> None:
    assert problem(client, CURVE, 400, method="best")["parameter"] == "method"


def test_flat_formats_have_the_same_rows(client: FlaskClient, sequence_id: str) -> None:
    items = detrended(client)["items"]
    asked = {"method": "detrended"}
    csv = client.get(CURVE, query_string={**asked, "format": "csv"})
    table = pd.read_csv(io.StringIO(csv.text))
    assert table["image_id"].tolist() == [item["image_id"] for item in items]
    np.testing.assert_allclose(table["flux"], [item["flux"] for item in items])
    raw = client.get(CURVE, query_string={**asked, "format": "parquet"}).data
    assert parquet.read_table(io.BytesIO(raw)).num_rows == FRAMES
    votable = client.get(CURVE, query_string={**asked, "format": "votable"}).data
    field = parse_single_table(io.BytesIO(votable)).get_field_by_id("bjd_tdb")
    [system] = [each for each in parse(io.BytesIO(votable)).iter_timesys() if field.ref == each.ID]
    assert (system.timescale, system.refposition) == ("TDB", "BARYCENTER")
    assert system.timeorigin == "JD-origin"


def test_a_file_that_is_just_being_replaced(
    client: FlaskClient, db: Engine, sequence_id: str
) -> None:
    said = detrended(client)["sequences"][0]["files"]["light_curves"]
    store(BUCKET, said["path"], b"newer")
    answer = client.get(CURVE, query_string={"method": "detrended"})
    assert asks_to_come_again(answer)
    assert "being updated" in answer.text


def test_a_file_that_is_gone_or_damaged(
    client: FlaskClient, db: Engine, sequence_id: str, tmp_path: Path
) -> None:
    said = detrended(client)["sequences"][0]["files"]["light_curves"]
    storage.client().bucket(BUCKET).blob(said["path"]).delete()
    assert problem(client, CURVE, 404, method="detrended")


def test_storage_that_hangs_is_told_soon(
    db: Engine, sequence_id: str, set_env: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_storage, "TRIES_S", 0.2)
    with hanging() as server, storage_at(server.port):
        set_env(FILE_TIMEOUT_S="0.3")
        client = create_app("observations-data").test_client()
        answer = client.get(CURVE, query_string={"method": "detrended"})
        assert asks_to_come_again(answer)
        # What the database knows is told all the same.
        assert get(client, f"/observations/{sequence_id}/light-curves")["total"] == 5
        assert len(get(client, STAR)["light_curves"]) == 1
