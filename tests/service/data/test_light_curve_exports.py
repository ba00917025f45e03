"""A light curve as FITS for lightkurve, and as reports for the AAVSO."""

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.time import Time
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.service.support.light_curve_nights import CURVE, LATER, NIGHT, add_night, open_fits
from tests.service.support.light_curve_rows import (
    FRAMES,
    NOISE,
    transit,
)
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.web_services import (
    add_observation,
    create_app,
    get,
    problem,
    rows,
    storage_at,
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
