"""The light curves of a sequence and of a star: lists, and files of all of them."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from astropy.io.votable import parse_single_table
from flask.testing import FlaskClient
from pyarrow import parquet
from sqlalchemy import Engine

from tests.service.support.light_curve_nights import (
    LATER,
    NIGHT,
    STAR,
    add_night,
)
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
