"""cf-header-to-db: what of a header comes into the tables, and what is queued."""

import gzip
import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.frames.fits_header import BLOCK_BYTES
from panoptes_network.operations.tagging import TagRequest, change_tags
from panoptes_network.storage import StoredObject
from panoptes_network.tags import MAX_TAGS
from simulator.header import build_header
from simulator.observation import Observation
from tests.service.support.functions import (
    IDS,
    IMAGE_ID,
    PATH,
    SEQUENCE_ID,
    Network,
    asks_to_come_again,
    frame,
    only,
    post,
    refused,
    run_readme,
    served,
    tables,
)

REAL_PATH = "PAN001/KIC 8462852/14d3bd/20160909T081152/20160909T081152.fits"
REAL_ID = "PAN001_14d3bd_20160909T081152"
UNIT_CARDS = dict(build_header(Observation(), 0, 120.4))


@pytest.fixture
def client(network: Network, function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-header-to-db")


def test_the_real_frame(
    client: FlaskClient, network: Network, db: Engine, real_frame: Path
) -> None:
    generation = network.upload(REAL_PATH, real_frame.read_bytes())
    said = post(client, REAL_PATH)
    rows = tables(db)
    # The values are those that astropy shows of the frame's header.
    only(
        rows["units"],
        unit_id="PAN001",
        name="PAN001",
        latitude_deg=19.54,
        longitude_deg=-155.58,
        elevation_m=3400.0,
    )
    only(rows["cameras"], camera_id="14d3bd", unit_id="PAN001", serial_number="012070048413")
    only(
        rows["sequences"],
        sequence_id=REAL_ID,
        field="KIC 8462852",
        mount_ra_deg=301.56439,
        mount_dec_deg=44.456875,
        exptime_s=120.4,
        iso=100,
        software="POCSv0.1.1",
    )
    image = only(
        rows["images"],
        image_id=REAL_ID,
        sequence_id=REAL_ID,
        bucket=network.bucket.name,
        bucket_path=REAL_PATH,
        generation=generation,
        state="metadata_received",
        exptime_s=120.4,
    )
    assert image["time"].isoformat() == "2016-09-09T08:11:52+00:00"
    assert (image["headers"]["CAMTEMP"], image["headers"]["DATE-OBS"]) == (
        11.0,
        "2016-09-09T08:12:26",
    )
    # Its owner blanked the camera's id in the header; the path has it.
    blanked = {"believed": REAL_ID, "header": "PAN001_XXXXXX_20160909T081152"}
    assert image["contradictions"] == {"IMAGEID": blanked, "SEQID": blanked}
    assert said["contradictions"] == image["contradictions"]
    only(rows["image_events"], image_id=REAL_ID, service="cf-header-to-db", reason_code=None)
    [queued] = network.queued(settings().pipeline_topic)
    assert (queued["image_id"], queued["generation"]) == (REAL_ID, generation)


def test_a_compressed_frame_has_the_same_header(
    client: FlaskClient, network: Network, db: Engine, real_frame: Path
) -> None:
    program = shutil.which("fpack")
    assert program is not None
    packed = subprocess.run([program, "-S", real_frame], check=True, stdout=subprocess.PIPE).stdout
    headers = []
    for path, data in ((REAL_PATH, real_frame.read_bytes()), (f"{REAL_PATH}.fz", packed)):
        network.upload(path, data)
        post(client, path)
        headers.append(tables(db)["images"][0]["headers"])
    assert headers[1].items() >= headers[0].items()


def test_only_the_headers_blocks_are_read(
    client: FlaskClient, network: Network, real_frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.upload(REAL_PATH, real_frame.read_bytes())
    sizes: list[int] = []
    read_range = storage.read_range

    def counted(stored: StoredObject, start: int, length: int) -> bytes:
        data = read_range(stored, start, length)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(storage, "read_range", counted)
    post(client, REAL_PATH)
    assert sizes == [10 * BLOCK_BYTES]


def test_headers_alone_are_recorded_but_nothing_is_queued(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    said = post(client, **IDS, FIELD="M42", ISO="100", CAMTEMP="11 C", NOTE="")
    assert (said["image_id"], said["message_id"]) == (IMAGE_ID, None)
    rows = tables(db)
    only(rows["sequences"], sequence_id=SEQUENCE_ID, field="M42", iso=100)
    image = only(rows["images"], image_id=IMAGE_ID, bucket_path=None, generation=0)
    assert image["headers"] == {**IDS, "FIELD": "M42", "ISO": 100, "CAMTEMP": 11.0}
    assert network.queued(settings().pipeline_topic) == []


def test_the_commands_of_the_readme(client: FlaskClient, db: Engine) -> None:
    with served(client.application) as url:
        answer = json.loads(run_readme("cf-header-to-db", HEADER_TO_DB_URL=url))
    assert (answer["image_id"], answer["sequence_id"]) == (IMAGE_ID, SEQUENCE_ID)
    only(tables(db)["images"], image_id=IMAGE_ID, exptime_s=120.4)


def test_sent_headers_win_over_the_files(client: FlaskClient, network: Network, db: Engine) -> None:
    network.upload(PATH, frame(ISO=100, EXPTIME=120.5))
    post(client, PATH, EXPTIME=60, MOONFRAC=0.5)
    image = only(tables(db)["images"], exptime_s=60.0)
    assert image["headers"].items() >= {"ISO": 100, "EXPTIME": 60, "MOONFRAC": 0.5}.items()


REQUESTS: list[tuple[str | None, dict[str, Any]]] = [
    (PATH, {}),
    (None, {**IDS, "EXPTIME": 60}),
    (PATH, {"MOONFRAC": 0.5}),
]


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_headers_are_merged_the_same_in_any_order(
    client: FlaskClient, network: Network, db: Engine, order: tuple[int, ...]
) -> None:
    network.upload(PATH, frame(ISO=100, EXPTIME=120.5))
    for number in (*order, *order):
        path, headers = REQUESTS[number]
        post(client, path, **headers)
    image = only(tables(db)["images"], exptime_s=60.0, bucket_path=PATH)
    assert image["headers"].items() >= {"ISO": 100, "EXPTIME": 60, "MOONFRAC": 0.5}.items()


def test_a_file_anywhere_says_in_its_header_which_image_it_is(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload("from a disk/first.fits", frame(**IDS))
    assert post(client, "from a disk/first.fits")["image_id"] == IMAGE_ID
    only(tables(db)["images"], sequence_id=SEQUENCE_ID, bucket_path="from a disk/first.fits")


def test_the_same_request_three_times_leaves_the_same_rows_as_once(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, frame(ISO=100))
    post(client, PATH, MOONFRAC=0.5)
    once = tables(db)
    for _ in range(2):
        post(client, PATH, MOONFRAC=0.5)
    assert tables(db) == once


def test_an_image_under_way_is_not_queued_again(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, frame())
    post(client, PATH)
    with db.begin() as connection:
        connection.execute(text("UPDATE images SET state = 'solving'"))
    assert post(client, PATH)["state"] == "solving"
    assert len(network.queued(settings().pipeline_topic)) == 1


def test_a_new_generation_starts_the_image_anew(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, frame(ISO=100, NOTE="old"))
    post(client, PATH)
    with db.begin() as connection:
        connection.execute(
            text("UPDATE images SET state = 'unsolved', reason_code = 'r', tries = 3, ra_deg = 1")
        )
    generation = network.upload(PATH, frame(ISO=200))
    post(client, PATH)
    image = only(
        tables(db)["images"],
        state="metadata_received",
        generation=generation,
        reason_code=None,
        tries=0,
        ra_deg=None,
    )
    assert image["headers"]["ISO"] == 200
    assert "NOTE" not in image["headers"]
    queued = network.queued(settings().pipeline_topic)
    assert [message["generation"] for message in queued][1:] == [generation]


def test_an_older_generation_that_comes_late_changes_nothing(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    old = network.upload(PATH, frame(ISO=100))
    network.upload(PATH, frame(ISO=200))
    post(client, PATH)
    before = tables(db)["images"]
    late = client.post("/", json={"bucket_path": PATH, "generation": old})
    assert refused(late, 404)[0] == "object_missing"
    assert tables(db)["images"] == before


def test_an_older_file_of_the_image_under_another_name_changes_nothing(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, frame(ISO=100))
    newer = network.upload(f"{PATH}.fz", frame(ISO=200))
    post(client, f"{PATH}.fz")
    before = tables(db)
    assert post(client, PATH)["message_id"] is None
    assert tables(db) == before
    [queued] = network.queued(settings().pipeline_topic)
    assert (queued["bucket_path"], queued["generation"]) == (f"{PATH}.fz", newer)


@pytest.mark.parametrize("card", [*UNIT_CARDS, "all"])
def test_a_missing_card_is_no_error(client: FlaskClient, db: Engine, card: str) -> None:
    headers = {} if card == "all" else {k: v for k, v in UNIT_CARDS.items() if k != card}
    post(client, **{**headers, **IDS})
    assert tables(db)["images"][0]["headers"].keys() == {
        keyword for keyword, value in {**headers, **IDS}.items() if value != ""
    }


def test_what_is_committed_but_not_queued_is_queued_by_the_next_try(
    client: FlaskClient, network: Network, db: Engine, set_env: Callable[..., None]
) -> None:
    network.upload(PATH, frame())
    topic = settings().pipeline_topic
    set_env(PIPELINE_TOPIC="missing")
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))
    committed = tables(db)
    only(committed["images"], state="metadata_received")
    set_env(PIPELINE_TOPIC=topic)
    assert post(client, PATH)["message_id"]
    assert [message["image_id"] for message in network.queued(topic)] == [IMAGE_ID]
    assert tables(db) == committed


def test_the_database_is_away(
    client: FlaskClient, network: Network, database_away: Callable[[], None]
) -> None:
    network.upload(PATH, frame())
    database_away()
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))
    assert network.queued(settings().pipeline_topic) == []


def test_storage_is_away(client: FlaskClient, storage_away: Callable[[], None], db: Engine) -> None:
    storage_away()
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))
    assert not any(tables(db).values())


def test_values_are_read_however_a_unit_writes_them(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    cards = {"EXPOSURE": "120,5 sec", "LAT_OBS": "19 32 24", "LONG_OBS": "-155,58"}
    network.upload(PATH, frame(**cards, OBJCTRA="20 12 50.6", OBJCTDEC="+46:01:12"))
    assert post(client, PATH)["header_findings"] == {}
    rows = tables(db)
    only(rows["images"], exptime_s=120.5, header_findings={})
    only(rows["units"], latitude_deg=pytest.approx(19.54), longitude_deg=-155.58)
    sequence = only(rows["sequences"], exptime_s=120.5)
    assert sequence["mount_ra_deg"] == pytest.approx(303.21083)
    assert sequence["mount_dec_deg"] == pytest.approx(46.02)


def test_values_that_cannot_be_are_findings_and_are_not_used(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, frame(EXPTIME=-1, LAT_OBS=120.0, CAMTEMP="NaN"))
    findings = post(client, PATH)["header_findings"]
    assert set(findings) == {"EXPTIME", "LAT-OBS", "CAMTEMP"}
    assert findings["EXPTIME"] == {"header": "-1", "problem": "is not seconds from 0 to 86400"}
    rows = tables(db)
    only(rows["images"], exptime_s=None, header_findings=findings)
    only(rows["units"], latitude_deg=None)
    network.upload(PATH, frame(EXPTIME=120))  # the unit corrected it
    post(client, PATH)
    only(tables(db)["images"], exptime_s=120, header_findings={})


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_text_of_either_encoding_is_kept_as_it_was_meant(
    client: FlaskClient, network: Network, db: Engine, encoding: str
) -> None:
    name = "Müller à Genève"
    data = frame(OBSERVER="N" * len(name.encode(encoding)))
    data = data.replace(b"N" * len(name.encode(encoding)), name.encode(encoding))
    network.upload(PATH, data)
    post(client, PATH)
    only(tables(db)["units"], name=name)


def test_a_units_tags_become_those_of_its_observation_beside_an_operators(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, frame(TAGS="Bright, test,?,test"))
    post(client, PATH)
    only(tables(db)["sequences"], tags=["bright", "test"])
    change_tags(TagRequest(sequence_id=SEQUENCE_ID, add=["comet"], remove=["test"]))
    second = PATH.replace("134333", "134533")
    for path, tags in ((PATH, "bright,test"), (second, "bright,test,late")):
        network.upload(path, frame(TAGS=tags))
        post(client, path)
    # What the operator took off stays off, however often the unit says it.
    only(tables(db)["sequences"], tags=["bright", "comet", "late"])


def test_a_unit_has_no_more_room_for_tags_than_an_operator(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, frame(TAGS="a,b,c"))
    post(client, PATH)
    change_tags(TagRequest(sequence_id=SEQUENCE_ID, add=[f"t{n}" for n in range(MAX_TAGS - 4)]))
    network.upload(PATH, frame(TAGS="d,e,f"))
    post(client, PATH)
    tags = only(tables(db)["sequences"])["tags"]
    assert len(tags) == MAX_TAGS
    assert {"a", "b", "c", "d"} <= set(tags)


def test_gzip_is_read_as_what_is_in_it(client: FlaskClient, network: Network, db: Engine) -> None:
    packed = gzip.compress(frame(FIELD="M42", ISO=100))
    blob = network.bucket.blob(PATH)
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed)
    named = PATH.replace("134333.fits", "134533.fits.gz")
    network.upload(named, packed)
    for path in (PATH, named):
        assert post(client, path)["state"] == "metadata_received"
    assert [image["headers"]["ISO"] for image in tables(db)["images"]] == [100, 100]
    network.upload(named, packed[:-9])
    assert refused(client.post("/", json={"bucket_path": named}), 422)[0] == "truncated"
    network.upload(named, gzip.compress(frame()[:-100]))
    assert refused(client.post("/", json={"bucket_path": named}), 422)[0] == "truncated"
