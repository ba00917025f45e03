"""Detrended light curves of observations-data, over a real database and a real storage."""

import base64
import io
import math
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.io.votable import parse, parse_single_table
from astropy.time import Time
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
from tests.service.support.light_curve_rows import (
    BUCKET,
    DEPTH,
    FRAMES,
    NOISE,
    Curves,
    add_light_curves,
    transit,
)
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
    storage_at,
    store,
)

STAR = "/sources/1000"
CURVE = f"{STAR}/lightcurve"
NIGHT = Curves()
LATER = Curves(start=START + timedelta(days=2), n_frames=40, seed=14)


@pytest.fixture
def client(db: Engine, storage_port: int) -> Iterator[FlaskClient]:
    with storage_at(storage_port):
        yield create_app("observations-data").test_client()


@pytest.fixture
def sequence_id(client: FlaskClient, db: Engine, tmp_path: Path) -> str:
    """A sequence with light curves; the first star has a transit."""
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{"state": "sources_extracted"}])
        add_light_curves(session, sequence_id, NIGHT, tmp_path)
    return sequence_id


@pytest.fixture
def later_id(sequence_id: str, db: Engine, tmp_path: Path) -> str:
    """A shorter sequence two nights later, with the same stars."""
    with rows(db) as session:
        later_id = add_observation(session, start=LATER.start, images=[{}])
        add_light_curves(session, later_id, LATER, tmp_path)
    return later_id


def detrended(client: FlaskClient, path: str = CURVE, **parameters: str) -> Any:
    return get(client, path, method="detrended", **parameters)


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


def open_fits(client: FlaskClient, path: str = CURVE, **parameters: str) -> fits.HDUList:
    answer = client.get(path, query_string={**parameters, "format": "fits"})
    assert answer.status_code == 200, answer.text
    return fits.open(io.BytesIO(answer.data))


def test_fits_says_times_and_units(client: FlaskClient, sequence_id: str) -> None:
    primary, table = open_fits(client, method="detrended")
    assert (primary.header["OBJECT"], primary.header["TICID"]) == ("TIC 1000", 1000)
    assert (primary.header["RA_OBJ"], primary.header["DEC_OBJ"]) == (83.8, -5.4)
    assert table.header["TIMESYS"] == "TDB"
    np.testing.assert_allclose(table.data["time"], NIGHT.bjd_tdb, atol=1e-9, rtol=0)
    assert table.data["date_avg"][0] == "2018-10-11T13:43:02Z"
    assert table.columns["raw_flux_g"].unit == "adu"


def read_by_lightkurve(content: bytes, path: Path) -> Any:
    path.write_bytes(content)
    with warnings.catch_warnings():
        # Of a package that lightkurve looks for, and does not need here.
        warnings.simplefilter("ignore")
        import lightkurve  # noqa: PLC0415 - takes seconds

    return lightkurve.read(path)


def test_lightkurve_opens_the_detrended_curve(
    client: FlaskClient, sequence_id: str, tmp_path: Path
) -> None:
    asked = {"method": "detrended", "format": "fits"}
    curve = read_by_lightkurve(client.get(CURVE, query_string=asked).data, tmp_path / "c.fits")
    assert len(curve) == FRAMES
    assert (curve.time.scale, curve.time.format) == ("tdb", "jd")
    np.testing.assert_allclose(curve.time.jd, NIGHT.bjd_tdb, atol=1e-9, rtol=0)
    np.testing.assert_allclose(curve.flux.value, NIGHT.flux[0], atol=1e-6)
    assert np.allclose(curve.flux_err.value, NOISE)
    assert curve.quality[3] == 16
    assert curve.meta["LABEL"] == "TIC 1000"


def test_lightkurve_opens_the_raw_curve(client: FlaskClient, db: Engine, tmp_path: Path) -> None:
    with rows(db) as session:
        images = [{"state": "sources_extracted", "exptime_s": 120.0}] * 12
        sequence_id = add_observation(session, images=images)
        add_stars(session, sequence_id, StarField())
    items = get(client, CURVE)["items"]
    content = client.get(CURVE, query_string={"format": "fits"}).data
    curve = read_by_lightkurve(content, tmp_path / "raw.fits")
    assert (curve.time.scale, curve.time.format) == ("utc", "mjd")
    np.testing.assert_allclose(curve.time.mjd, [item["mjd"] for item in items])
    np.testing.assert_allclose(curve.flux.value, [item["relative_g"] for item in items])


def report(client: FlaskClient, as_format: str, **parameters: str) -> tuple[dict[str, str], Any]:
    """Return the parameters and the rows of a report for the AAVSO."""
    answer = client.get(CURVE, query_string={**parameters, "format": as_format})
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/plain"
    assert ".txt" in answer.headers["Content-Disposition"]
    lines = answer.text.splitlines()
    head = dict(line[1:].split("=", 1) for line in lines if line.startswith("#") and "=" in line)
    return head, [line.split(",") for line in lines if not line.startswith("#")]


def test_the_extended_report(client: FlaskClient, sequence_id: str) -> None:
    head, lines = report(client, "aavso", obscode="tst01")
    assert [*head] == ["TYPE", "OBSCODE", "SOFTWARE", "DELIM", "DATE", "OBSTYPE"]
    assert (head["TYPE"], head["OBSCODE"], head["OBSTYPE"]) == ("Extended", "TST01", "DSLR")
    # Without the cloudy frame.
    assert len(lines) == FRAMES - 1
    first = lines[0]
    assert len(first) == 15
    assert first[0] == "TIC 1000"
    assert float(first[1]) == pytest.approx(Time(NIGHT.middles[0]).jd, abs=1e-6)
    assert float(first[2]) == pytest.approx(9 - 2.5 * math.log10(NIGHT.flux[0, 0]), abs=1e-4)
    assert float(first[3]) == pytest.approx(1.0857 * 2 * NOISE, rel=0.02)
    assert first[4:8] == ["TG", "NO", "STD", "ENSEMBLE"]
    assert first[14] == f"{NIGHT.image_ids[0]} level=Gaia G of catalog; only changes measured"
    limits = {0: 30, 1: 16, 2: 8, 3: 6, 4: 5, 14: 100}
    assert all(len(line[place]) <= most for line in lines for place, most in limits.items())


def test_the_exoplanet_report_is_of_one_night(
    client: FlaskClient, db: Engine, sequence_id: str, later_id: str
) -> None:
    with rows(db) as session:
        session.add(transit(sequence_id, known_name="WASP-11", known_kind="planet"))
    head, lines = report(client, "aavso-exoplanet", sequence_id=sequence_id)
    assert head["TYPE"] == "EXOPLANET"
    assert (head["DATE_TYPE"], head["MEASUREMENT_TYPE"]) == ("BJD_TDB", "Rnflux")
    assert (head["STAR_NAME"], head["EXOPLANET_NAME"]) == ("WASP-11", "WASP-11 b")
    assert (head["EXPOSURE_TIME"], head["FILTER"]) == ("120", "CV")
    assert len(lines) == FRAMES - 1
    bjd, flux, error, airmass = map(float, lines[0])
    assert bjd == pytest.approx(NIGHT.bjd_tdb[0], abs=1e-7)
    assert (flux, error) == pytest.approx((NIGHT.flux[0, 0], NOISE), abs=1e-6)
    assert airmass == pytest.approx(1.8)
    # Without a sequence, it is of the newest.
    assert len(report(client, "aavso-exoplanet")[1]) == 39


@pytest.mark.parametrize(("name", "kind"), [("RR Lyr", "RRAB"), ("TRAPPIST-1", "planets")])
def test_the_exoplanet_report_names_no_planet_where_none_is_certain(
    client: FlaskClient, db: Engine, sequence_id: str, name: str, kind: str
) -> None:
    with rows(db) as session:
        session.add(transit(sequence_id, known_name=name, known_kind=kind))
    head, _ = report(client, "aavso-exoplanet")
    assert (head["STAR_NAME"], head["EXOPLANET_NAME"]) == ("TIC 1000", "na")


def test_a_report_can_be_asked_for_by_its_type(client: FlaskClient, sequence_id: str) -> None:
    answer = client.get(CURVE, headers={"Accept": "text/plain"})
    assert answer.text.startswith("#TYPE=Extended\n#OBSCODE=\n")


def test_reports_that_cannot_be(client: FlaskClient, db: Engine, sequence_id: str) -> None:
    said = problem(client, CURVE, 400, format="aavso", method="raw")
    assert said["parameter"] == "method"
    assert problem(client, CURVE, 400, obscode="much too long")["parameter"] == "obscode"
    assert problem(client, CURVE, 404, format="aavso", sequence_id="PAN001_14d3bd_20200101T000000")


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


def test_the_stars_of_a_sequence(client: FlaskClient, sequence_id: str) -> None:
    found = get(client, f"/observations/{sequence_id}/light-curves")
    assert (found["sequence_id"], found["n_frames"], found["n_stars"]) == (sequence_id, FRAMES, 5)
    assert found["photon_limit_ratio"] == 1.1
    assert (found["total"], found["next"], found["sort"], found["order"]) == (5, None, "mag", "asc")
    assert [item["picid"] for item in found["items"]] == ["1000", "1001", "1002", "1003", "1004"]
    first = found["items"][0]
    assert first["gaia_mag"] == 9
    assert (first["scatter"], first["expected_noise"]) == (NOISE, NOISE)
    assert first["url"] == "/sources/1000?catalog=tic"
    assert "first_row" not in first


def test_stars_of_a_sequence_can_be_sorted_and_paged(client: FlaskClient, sequence_id: str) -> None:
    path = f"/observations/{sequence_id}/light-curves"
    wanted = {
        ("scatter", ""): [0, 3, 1, 2, 4],
        ("excess", ""): [2, 1, 3, 0, 4],
        ("excess", "asc"): [0, 3, 1, 2, 4],
        ("chi2", ""): [4, 3, 2, 1, 0],
        ("variability", "asc"): [0, 1, 2, 3, 4],
        ("mag", "desc"): [4, 3, 2, 1, 0],
    }
    for (sort, order), stars in wanted.items():
        found: list[int] = []
        cursor: Any = ""
        while cursor is not None:
            page = get(client, path, sort=sort, order=order, limit="2", cursor=cursor)
            found += [int(item["picid"]) - 1000 for item in page["items"]]
            cursor = page["next"]
        assert found == stars, (sort, order)


def test_a_cursor_of_another_order(client: FlaskClient, sequence_id: str) -> None:
    path = f"/observations/{sequence_id}/light-curves"
    cursor = get(client, path, sort="chi2", limit="2")["next"]
    assert problem(client, path, 400, sort="mag", cursor=cursor)["parameter"] == "cursor"
    endless = base64.urlsafe_b64encode(b'["mag","asc",9e99999,"1","tic"]').decode().rstrip("=")
    for broken in ("W10", "x", endless):
        assert problem(client, path, 400, cursor=broken)["parameter"] == "cursor"


def test_stars_of_a_sequence_by_magnitude_and_place(client: FlaskClient, sequence_id: str) -> None:
    path = f"/observations/{sequence_id}/light-curves"

    def picids(**parameters: str) -> list[str]:
        return [item["picid"] for item in get(client, path, **parameters)["items"]]

    assert picids(min_mag="9.15", max_mag="9.35") == ["1002", "1003"]
    assert picids(min_variability="0.25") == ["1003", "1004"]
    assert picids(ra="83.9", dec="-5.4", radius="0.05") == ["1001"]


def test_the_rms_table_in_flat_formats(client: FlaskClient, sequence_id: str) -> None:
    path = f"/observations/{sequence_id}/light-curves"
    csv = client.get(path, query_string={"format": "csv", "limit": "3"})
    table = pd.read_csv(io.StringIO(csv.text))
    assert table["picid"].tolist() == [1000, 1001, 1002]
    assert 'rel="next"' in csv.headers["Link"]
    for as_format in ("votable", "parquet"):
        assert client.get(path, query_string={"format": as_format}).status_code == 200


def test_a_sequence_without_light_curves(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{}])
    found = get(client, f"/observations/{sequence_id}/light-curves")
    assert (found["items"], found["total"], found["files"]) == ([], 0, {})
    assert (found["made_at"], found["reason"], found["n_stars"]) == (None, None, None)
    assert problem(client, "/observations/PAN001_14d3bd_20200101T000000/light-curves", 404)


def test_the_files_are_sent_and_listed(client: FlaskClient, db: Engine, sequence_id: str) -> None:
    files = get(client, f"/observations/{sequence_id}/light-curves")["files"]
    sent = client.get(files["light_curves"]["url"])
    assert sent.mimetype == "application/vnd.apache.parquet"
    assert len(sent.data) == files["light_curves"]["n_bytes"]
    assert parquet.read_table(io.BytesIO(sent.data)).num_rows == 5 * FRAMES - 10
    assert client.get(files["light_curves_fits"]["url"]).mimetype == "application/fits"
    observation = get(client, f"/observations/{sequence_id}")
    assert observation["light_curves"] == files
    listed = client.get(f"/observations/{sequence_id}/files.txt").text
    assert listed.count("_light_curves.") == 2
    only = client.get(
        f"/observations/{sequence_id}/files.txt", query_string={"kind": "light_curves"}
    )
    assert only.text.strip().endswith("_light_curves.parquet")


def test_datalink_leads_to_them(client: FlaskClient, sequence_id: str, db: Engine) -> None:
    image_id = get(client, f"/observations/{sequence_id}")["images"][0]["image_id"]
    answer = client.get("/vo/datalink/links", query_string={"ID": f"ivo://panoptes/raw?{image_id}"})
    table = parse_single_table(io.BytesIO(answer.data)).to_table()
    found = {row["access_url"].rpartition(".")[2]: row for row in table}
    assert found["parquet"]["content_type"] == "application/vnd.apache.parquet"
    assert found["parquet"]["semantics"] == "#derivation"
    assert found["parquet"]["content_length"] > 0


def test_a_star_has_its_light_curves_and_candidates(
    client: FlaskClient, db: Engine, sequence_id: str, later_id: str
) -> None:
    with rows(db) as session:
        session.add(transit(sequence_id))
        session.add(transit(None, significance=20.0, n_nights=2))
        session.add(transit(later_id, picid=1001))
        add_stars(session, sequence_id, StarField())
    found = get(client, STAR)
    assert [said["sequence_id"] for said in found["light_curves"]] == [later_id, sequence_id]
    assert [each["significance"] for each in found["candidates"]] == [20, 12.5]
    assert found["candidates"][0]["sequence_id"] is None


def test_a_star_that_was_only_measured_is_known(client: FlaskClient, sequence_id: str) -> None:
    """No source and no row of a catalog has it: the catalog was loaded anew, without it."""
    found = get(client, STAR)
    assert (found["n_visits"], len(found["light_curves"])) == (0, 1)
