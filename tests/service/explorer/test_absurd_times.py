"""Whatever times stand in the database or in an address, every page and endpoint answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from panoptes_network.database.models import CatalogStar, Image, Source, Unit
from panoptes_network.nights import cli
from panoptes_network.operations import cli as operations_cli
from tests.service.support.sky_rows import solved
from tests.service.support.web_services import START, add_observation, create_app, get, rows

ABSURD = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(999, 6, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 50, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 58, 28, tzinfo=UTC),
]
"""Starts of sequences; the image of the last is one second before the end of all times."""
LONGITUDES = {"PAN316": -155.58, "PAN317": 170.0, "PAN318": None}
PICID = 7
DATES = [
    "0000-01-01",
    "0001-01-01",
    "0999-12-31",
    "1899-12-31",
    "1900-01-01",
    "1969-12-31",
    "9000-12-31",
    "9999-12-31",
    "10000-01-01",
    "-0001-01-01",
    "2018-13-45",
    "infinity",
]
DATE_QUERIES = [
    "/observations?after={}",
    "/observations?before={}",
    "/observations.csv?before={}",
    "/stats?after={}",
    "/stats?before={}",
    "/units/PAN316/nights?before={}",
    "/units/PAN317/nights/{}",
    "/vo/sia/query?TIME={}",
]
PAGES_WITH_DATES = [
    "/observations?after={}",
    "/observations?before={}",
    "/stats?after={}",
    "/stats?before={}",
    "/units/PAN316?before={}",
    "/units/PAN317/nights/{}",
]


def _add_rows(session: Session) -> None:
    for unit_id, longitude_deg in LONGITUDES.items():
        session.add(Unit(unit_id=unit_id, latitude_deg=19.5, longitude_deg=longitude_deg))
        for start in [*ABSURD, START]:
            columns = solved((83.8, -5.4), files={"thumbnail": 1, "picture": 1})
            columns["solved_path"] = None
            camera_id = f"fff{unit_id[3:]}"
            add_observation(
                session, unit_id=unit_id, camera_id=camera_id, start=start, images=[columns]
            )
    session.flush()
    for image in session.scalars(select(Image)):
        session.execute(text("SELECT ensure_sources_partition(:at)"), {"at": image.time})
        session.add(_source(image))
    session.add(
        CatalogStar(
            picid=PICID,
            catalog="tic",
            healpix=0,
            ra_deg=83.8,
            dec_deg=-5.4,
            pmra_masyr=1.0,
            pmdec_masyr=1.0,
            mag=9.0,
            gaia_mag=9,
            teff_k=5000,
        )
    )


def _source(image: Image) -> Source:
    return Source(
        time=image.time,
        image_key=image.image_key,
        number=0,
        picid=PICID,
        ra_deg=83.8,
        dec_deg=-5.4,
        x_px=1.0,
        y_px=2.0,
        flux_adu=5000.0,
        flux_err_adu=70.0,
        peak_adu=900.0,
        fwhm_px=2.0,
        ellipticity=0.1,
        flags=0,
        catalog="tic",
        separation_arcsec=1.0,
        stamp_x=0,
        stamp_y=0,
        stamp_side=10,
        stamp=bytes(200),
    )


@pytest.fixture
def ids(db: Engine) -> tuple[list[str], list[str]]:
    """Ids of the sequences and of the images of absurd times."""
    with rows(db) as session:
        _add_rows(session)
    with Session(db) as session:
        absurd = session.execute(
            select(Image.sequence_id, Image.image_id).where(Image.time != START)
        ).all()
    return [row.sequence_id for row in absurd], [row.image_id for row in absurd]


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def _failed(client: FlaskClient, paths: list[str], worst: int = 500) -> dict[str, Any]:
    failed = {}
    for path in paths:
        with client.get(path) as answer:  # one that stays open keeps its place in the service
            if answer.status_code >= worst:
                failed[path] = (answer.status_code, answer.get_data(as_text=True)[:300])
    return failed


def test_every_endpoint_answers(client: FlaskClient, ids: tuple[list[str], list[str]]) -> None:
    sequences, images = ids
    paths = [
        "/",
        "/observations",
        "/units",
        "/coverage",
        "/status",
        "/stats",
        "/vo/moc",
        "/metrics",
        "/observations.csv",
    ]
    paths += ["/observations?facets=true&sort=exptime", "/observations?order=asc&limit=3"]
    paths += [f"/units/{unit}/nights" for unit in LONGITUDES]
    paths += [
        f"/units/{unit}/nights/{day}" for unit in LONGITUDES for day in ("last", "2018-10-11")
    ]
    for sequence_id in sequences:
        own = f"/observations/{sequence_id}"
        paths += [own, f"{own}/events", f"{own}/files.txt"]
    for image_id in images:
        own = f"/images/{image_id}"
        paths += [own, f"{own}/sources", f"/vo/datalink/links?ID={image_id}"]
    for form in ("json", "csv", "votable", "parquet"):
        star = [f"/sources/{PICID}{of}" for of in ("", "/stamps", "/lightcurve")]
        listed = ["/observations", "/units", "/units/PAN316/nights", "/stats", *star]
        paths += [f"{path}?format={form}" for path in listed]
    paths += ["/vo/sia/query?POS=CIRCLE 83.8 -5.4 5", "/vo/sia/query?MAXREC=100"]
    cone = "RA=83.8&DEC=-5.4&SR=5"
    paths += [f"/vo/scs/{of}?{cone}&VERB={verb}" for of in ("sources", "images") for verb in (1, 3)]
    assert _failed(client, paths, 400) == {}


def test_every_date_in_an_address_is_answered(
    client: FlaskClient, ids: tuple[list[str], list[str]]
) -> None:
    paths = [path.format(date) for path in DATE_QUERIES for date in DATES]
    assert _failed(client, paths) == {}


def test_every_page_is_shown(explorer: FlaskClient, ids: tuple[list[str], list[str]]) -> None:
    sequences, images = ids
    paths = [
        "/",
        "/observations",
        "/observations?order=asc",
        "/units",
        "/sky",
        "/stats",
        "/status",
        f"/sources/{PICID}",
    ]
    paths += [f"/units/{unit}" for unit in LONGITUDES]
    paths += [
        f"/units/{unit}/nights/{day}" for unit in LONGITUDES for day in ("last", "2018-10-11")
    ]
    paths += [f"/observations/{sequence_id}" for sequence_id in sequences]
    paths += [f"/images/{image_id}" for image_id in images]
    assert _failed(explorer, paths, 400) == {}
    dated = [path.format(date) for path in PAGES_WITH_DATES for date in DATES]
    assert _failed(explorer, dated) == {}


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9999-12-31", "2018-10-11", "last"])
def test_the_commands_answer(
    explorer: FlaskClient, ids: tuple[list[str], list[str]], day: str
) -> None:
    for unit in LONGITUDES:
        told = CliRunner().invoke(cli.main, [unit, day])
        assert isinstance(told.exception, SystemExit | None), told.exception
        assert told.exit_code == 0 or told.output.startswith("Error: "), told.output
    if day == "last":
        return
    for night in ([], ["--night", day]):
        arguments = ["list", "--unit", "PAN317", "--state", "sources_extracted", *night]
        listed = CliRunner().invoke(operations_cli.main, arguments)
        assert isinstance(listed.exception, SystemExit | None), listed.exception
        assert listed.exit_code in (0, 2), listed.output


def test_no_age_is_negative(explorer: FlaskClient, ids: tuple[list[str], list[str]]) -> None:
    page = explorer.get("/status").text
    assert "-251" not in page
    assert "\N{MINUS SIGN}" not in page


def test_absurd_times_stand_last(client: FlaskClient, ids: tuple[list[str], list[str]]) -> None:
    good = {f"{unit}_fff{unit[3:]}_20181011T134202" for unit in LONGITUDES}
    for order in ("asc", "desc"):
        seen: list[str] = []
        page: dict[str, Any] = {"next": ""}
        while page["next"] is not None:
            page = get(client, "/observations", order=order, limit="2", cursor=page["next"])
            seen += [one["sequence_id"] for one in page["items"]]
        assert set(seen[:3]) == good
        assert len(seen) == len(set(seen)) == 3 * (len(ABSURD) + 1) == page["total"]
    last = (START + timedelta(seconds=91)).isoformat().replace("+00:00", "Z")
    assert {unit["last_image"] for unit in get(client, "/units")["items"]} == {last}
    assert get(client, "/stats")["newest_image"]["time"] == last
    nights = get(client, "/units/PAN317/nights")["items"]
    assert [night["date"] for night in nights] == ["2018-10-11"]
