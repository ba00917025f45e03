"""The scientists' client over a real observations-data, database and storage."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from sqlalchemy import Engine

from panoptes_client import Network, NetworkError, Patience, RefusedError, UnreachableError
from panoptes_client.tables import table_at
from panoptes_network.states import FileKind
from tests.conftest import free_port
from tests.service.support.functions import served
from tests.service.support.star_fields import StarField, add_stars, mosaic
from tests.service.support.web_services import START, add_observation, create_app, rows

QUICK = Patience(tries=3, first_wait_s=0.01, longest_wait_s=0.05)
SOLVED: dict[str, Any] = {
    "state": "sources_extracted",
    "exptime_s": 120.0,
    "ra_deg": 83.8,
    "dec_deg": -5.4,
}
FIELD = StarField(number=9)


@pytest.fixture
def network(db: Engine) -> Iterator[Network]:
    with served(create_app("observations-data")) as url, Network(url, QUICK) as network:
        yield network


def add_runs(db: Engine, count: int) -> list[str]:
    """Add observations, a day between each and the next; return their ids, newest first."""
    with rows(db) as session:
        added = [
            add_observation(session, start=START + timedelta(days=day), images=[SOLVED] * (day % 3))
            for day in range(count)
        ]
    return added[::-1]


def ids(table: Table) -> list[str]:
    return [str(name) for name in table["sequence_id"]]


def test_all_pages_of_observations(network: Network, db: Engine) -> None:
    expected = add_runs(db, 7)
    paged = table_at(network._connection, "/observations", {"limit": "3"})
    assert ids(paged) == expected
    assert ids(network.observations()) == expected
    assert ids(network.observations(limit=5)) == expected[:5]
    assert ids(network.observations(limit=7)) == expected


def test_columns_have_types_units_and_masks(network: Network, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, field="Köln ☄ 'x'", images=[SOLVED] * 2)
        add_observation(session, field=None, start=START + timedelta(days=1))
    table = network.observations(order="asc", sort="time")
    assert table["ra_deg"].unit == u.deg
    assert table["exptime_s"].unit == u.s
    assert table["n_images"].tolist() == [2, 0]
    assert table["field"].tolist() == ["Köln ☄ 'x'", None]
    assert table["ra_deg"].mask.tolist() == [False, True]
    assert Time(list(table["start_time"]))[0].datetime == START.replace(tzinfo=None)
    place = SkyCoord(table["ra_deg"][:1], table["dec_deg"][:1])
    assert place.separation(SkyCoord(83.8, -5.4, unit="deg")).arcsec[0] < 0.01
    frame = table.to_pandas()
    assert frame["n_images"].tolist() == [2, 0]


def test_nothing_found_has_the_columns(network: Network, db: Engine) -> None:
    add_runs(db, 2)
    nothing, all_of_it = network.observations(unit="PAN999"), network.observations()
    assert len(nothing) == 0
    assert nothing.colnames == all_of_it.colnames
    assert nothing["n_images"].dtype == all_of_it["n_images"].dtype


@pytest.mark.parametrize(
    ("search", "days"),
    [
        ({"after": "2018-10-13"}, [4, 3, 2]),
        ({"before": START + timedelta(days=1)}, [1, 0]),
        ({"after": Time("2018-10-14T00:00:00"), "before": START.date() + timedelta(3)}, [3]),
        ({"min_images": 2}, [2]),
        ({"max_images": 0}, [3, 0]),
        ({"min_exptime": 2 * u.min, "max_images": 1}, [4, 3, 1, 0]),
        ({"max_exptime": 119.0}, []),
        ({"state": "sources_extracted", "sort": "time", "order": "asc"}, [1, 2, 4]),
        ({"at": SkyCoord("5h35m17s -5d23m28s"), "radius": 30 * u.arcmin}, [4, 2, 1]),
        ({"at": SkyCoord(209.0, -19.4, unit="deg", frame="galactic"), "radius": 1}, [4, 2, 1]),
        ({"at": SkyCoord(100, 20, unit="deg"), "radius": 3.0}, []),
        ({"name": "M42", "radius": 1}, [4, 2, 1]),
        ({"field": "m4", "unit": "PAN001", "camera": "14d3bd", "limit": 1}, [4]),
    ],
)
def test_searches(network: Network, db: Engine, search: Any, days: list[int]) -> None:
    newest_first = add_runs(db, 5)
    assert ids(network.observations(**search)) == [newest_first[4 - day] for day in days]


def test_a_moment_counts_by_its_date_in_utc(network: Network, db: Engine) -> None:
    newest_first = add_runs(db, 2)
    honolulu = datetime.fromisoformat("2018-10-11T23:00-10:00")
    assert honolulu.astimezone(UTC).day == 12
    assert ids(network.observations(after=honolulu)) == newest_first[:1]


def test_images_sources_units_and_nights(network: Network, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED, SOLVED])
        image_ids = add_stars(session, sequence_id, FIELD)
    assert network.images(sequence_id)["image_id"].tolist() == image_ids
    sources = network.sources(image_ids[0])
    assert sources["number"].tolist() == list(range(10))
    assert sources["picid"].mask.tolist() == [False] * 9 + [True]
    assert len(network.sources(image_ids[0], matched=True)) == 9
    assert len(network.sources(image_ids[0], min_snr=3)) == 9
    place = SkyCoord(sources["ra_deg"][2], sources["dec_deg"][2], unit="deg")
    near = network.sources(image_ids[0], at=place, radius=1 * u.arcsec)
    assert near["number"].tolist() == [2]
    assert network.units()["unit_id"].tolist() == ["PAN001"]
    assert network.nights("PAN001")["n_images"].tolist() == [2]
    assert network.night("PAN001", "2018-10-11")["n_images"] == 2
    assert network.star(1003)["visits"][0]["sequence_id"] == sequence_id


def test_stamps_are_the_raw_pixels(network: Network, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED] * 4)
        add_stars(session, sequence_id, FIELD)
    stamps = network.stamps(1002, sequence_id)
    assert stamps["pixels"].dtype == np.uint16
    assert stamps["pixels"].unit == u.adu
    for frame, row in enumerate(stamps):
        x, y, side = row["stamp_x"], row["stamp_y"], row["stamp_side"]
        expected = mosaic(FIELD, frame)[y : y + side, x : x + side]
        np.testing.assert_array_equal(row["pixels"], expected)


def test_light_curve(network: Network, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED] * 4)
        add_stars(session, sequence_id, StarField())
    curve = network.lightcurve(1002)
    assert len(curve) == 4
    assert curve["flux_g"].unit == u.adu
    starts = Time(list(curve["time"]))
    # Half of 120 s; the answer's MJD is rounded to the millisecond.
    middle_s = (Time(curve["mjd"], format="mjd") - starts).to_value("s")
    np.testing.assert_allclose(middle_s, 60, atol=0.002)
    assert np.median(curve["relative_g"]) == pytest.approx(1)


def test_files_by_kind(network: Network, db: Engine) -> None:
    image = {**SOLVED, "files": {FileKind.PICTURE: 3}, "solved_path": "PAN001/x.fits.fz"}
    with rows(db) as session:
        sequence_id = add_observation(session, images=[image], film_path="a/b.mp4", film_frames=3)
    found = network.files(sequence_id)
    assert [file.kind for file in found] == ["raw", "processed", "picture", "film"]
    assert [file.n_bytes for file in found] == [None, None, 3, None]
    assert found[-1].image_id is None
    assert network.files(sequence_id, ["processed"]) == found[1:2]


def test_refusals_name_what_is_wrong(network: Network) -> None:
    with pytest.raises(RefusedError, match="state") as refused:
        network.observations(state="nonsense")
    assert (refused.value.status, refused.value.parameter) == (400, "state")
    for missing in (
        lambda: network.images("PAN001_14d3bd_20181011T134202"),
        lambda: network.files("../../x"),
        lambda: network.sources("a b/?c"),
        lambda: network.stamps(12345),
    ):
        with pytest.raises(RefusedError) as refused:
            missing()
        assert refused.value.status == 404


def test_a_network_that_is_away() -> None:
    port = free_port()
    with (
        Network(f"http://127.0.0.1:{port}", QUICK) as network,
        pytest.raises(UnreachableError, match=f"{port}.*refused"),
    ):
        network.units()
    with pytest.raises(NetworkError, match="http"):
        Network("ftp://x")
