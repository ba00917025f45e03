"""The files that observations-data names and sends, over a real database and real storage."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from panoptes_network import config, storage
from panoptes_network.database.gone import note_gone_objects
from panoptes_network.states import FileKind
from tests.conftest import forget_storage_client, free_port
from tests.service.support.web_services import (
    START,
    add_file,
    add_observation,
    create_app,
    get,
    problem,
    rows,
    storage_at,
    store,
)

ALL_FILES = dict(zip(FileKind, range(100, 107), strict=True))
FOLDER = "PAN001/M42/14d3bd/20181011T134202"


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def test_files_of_an_image_by_kind(client: FlaskClient, db: Engine, storage_port: int) -> None:
    with rows(db) as session:
        solved = f"{FOLDER}/solved.fits.fz"
        sequence_id = add_observation(
            session, images=[{"solved_path": solved, "files": ALL_FILES}, {}]
        )
    found = get(client, f"/observations/{sequence_id}")
    files, bare = (image["files"] for image in found["images"])
    kinds = ["raw", "processed", "cr2", "red", "green", "blue", "picture", "preview", "thumbnail"]
    assert list(files) == kinds
    assert list(bare) == ["raw"]
    assert {kind for kind, file in files.items() if file["bucket"] == "raw"} == {"raw", "cr2"}
    assert files["thumbnail"] == {
        "path": f"{FOLDER}/20181011T134333_thumb.jpg",
        "name": "20181011T134333_thumb.jpg",
        "bucket": "processed",
        "url": f"/files/processed/{FOLDER}/20181011T134333_thumb.jpg",
        "n_bytes": 106,
    }
    assert "n_bytes" not in files["raw"]
    assert list(found["files"]) == kinds
    assert found["files"]["green"] == [files["green"]]
    with storage_at(storage_port):  # the solution is looked for in the solved file
        assert get(client, "/images/PAN001_14d3bd_20181011T134333")["files"] == files


def test_a_raw_file_that_was_deleted_is_not_offered(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{"files": ALL_FILES}, {}])
    offered = get(client, f"/observations/{sequence_id}")["files"]
    bucket, part = config.settings().raw_bucket, (f"{FOLDER}/", f"{FOLDER}0")
    kept = {offered["raw"][1]["path"]}
    with rows(db) as session:
        gone = note_gone_objects(session, bucket, kept, part, timedelta(0))
    assert gone == sorted(offered[kind][0]["path"] for kind in ("raw", "cr2"))
    found = get(client, f"/observations/{sequence_id}")
    assert list(found["images"][0]["files"]) == [
        "red",
        "green",
        "blue",
        "picture",
        "preview",
        "thumbnail",
    ]
    assert list(found["images"][1]["files"]) == ["raw"]
    addresses = client.get(f"/observations/{sequence_id}/files.txt?kind=raw").text.split()
    assert len(addresses) == 1
    with rows(db) as session:  # they were uploaded again
        everything = kept | set(gone)
        assert note_gone_objects(session, bucket, everything, part, timedelta(0)) == []
    assert get(client, f"/observations/{sequence_id}")["files"] == offered


def test_newest_of_two_files_of_a_kind(client: FlaskClient, db: Engine) -> None:
    image_id = "PAN001_14d3bd_20181011T134333"
    with rows(db) as session:
        add_observation(session, images=[{"files": {FileKind.PICTURE: 1}}])
    with rows(db) as session:
        add_file(session, image_id, FileKind.PICTURE, "PAN001/14d3bd/another way.jpg", 2)
    assert get(client, f"/images/{image_id}")["files"]["picture"]["n_bytes"] == 2


def test_file_in_a_bucket_of_other_days(
    client: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rows(db) as session:
        add_observation(session, images=[{"files": ALL_FILES}])
    monkeypatch.setenv("PROCESSED_BUCKET", "newer")
    config.settings.cache_clear()
    assert list(get(client, "/images/PAN001_14d3bd_20181011T134333")["files"]) == ["raw", "cr2"]
    assert get(client, "/observations")["items"][0]["thumbnail"] is None


def test_film_of_an_observation(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        filmed = add_observation(session, film_path="PAN001/a b/film.mp4", film_frames=12)
        tried = add_observation(
            session, start=START - timedelta(days=1), film_images=2, film_reason="only 2 frames"
        )
    film, nothing = get(client, "/observations")["items"]
    assert film == {key: get(client, f"/observations/{filmed}")[key] for key in film}
    assert film["film"] == {
        "path": "PAN001/a b/film.mp4",
        "name": "film.mp4",
        "bucket": "processed",
        "url": "/files/processed/PAN001/a%20b/film.mp4",
        "n_frames": 12,
    }
    assert film["film_reason"] is None
    assert nothing["sequence_id"] == tried
    assert (nothing["film"], nothing["film_reason"]) == (None, "only 2 frames")


def test_list_has_the_thumbnail_of_the_newest_picture(client: FlaskClient, db: Engine) -> None:
    pictured = [{"files": {FileKind.THUMBNAIL: 10 + n}} for n in range(2)]
    with rows(db) as session:
        add_observation(session, images=[*pictured, {"files": {FileKind.PICTURE: 1}}, {}])
        add_observation(session, start=START - timedelta(days=1), images=[{}])
    newest, without = get(client, "/observations")["items"]
    assert newest["thumbnail"]["name"] == "20181011T134543_thumb.jpg"
    assert newest["thumbnail"]["n_bytes"] == 11
    assert without["thumbnail"] is None


def test_more_rows_take_no_more_queries(client: FlaskClient, db: Engine) -> None:
    counts = []
    for days in (0, 1):
        with rows(db) as session:
            for hour in range(1 + 4 * days):
                start = START + timedelta(days=days, hours=hour)
                images = [{"files": ALL_FILES}] * (1 + 4 * days)
                sequence_id = add_observation(session, start=start, images=images)
        asked: list[str] = []
        listen = (db, "before_cursor_execute", lambda *args: asked.append(args[2]))  # noqa: B023
        event.listen(*listen)
        get(client, "/observations")
        get(client, f"/observations/{sequence_id}")
        event.remove(*listen)
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0


# --- files as they are sent


CONTENT = bytes(range(256)) * 10_000
"""2.56 MB: three pieces, and no byte looks like its neighbour."""
FIELD = 'KIC 8462852 "ü" #1?'
PATH = f"PAN001/{FIELD}/14d3bd/20181011T134202/20181011T134333.fits.fz"


@pytest.fixture
def file_url(client: FlaskClient, db: Engine, storage_port: int) -> Iterator[str]:
    """Address of an image's raw file."""
    with rows(db) as session:
        sequence_id = add_observation(session, field=FIELD, images=[{}, {}])
    image = get(client, f"/observations/{sequence_id}")["images"][0]
    with storage_at(storage_port):
        for path in (PATH, "secret.txt"):
            store("panoptes-raw", path, CONTENT)
        yield image["files"]["raw"]["url"]


def test_file_is_what_was_uploaded(client: FlaskClient, file_url: str) -> None:
    answer = client.get(file_url)
    assert answer.status_code == 200
    assert answer.data == CONTENT
    assert answer.content_length == len(CONTENT)
    assert answer.headers["Content-Disposition"] == "attachment; filename=20181011T134333.fits.fz"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=1000000-1100000", slice(1_000_000, 1_100_001)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=2000000-", slice(2_000_000, None)),
    ],
)
def test_range_of_a_file(client: FlaskClient, file_url: str, asked: str, wanted: slice) -> None:
    answer = client.get(file_url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.data == CONTENT[wanted]


def test_range_behind_the_end(client: FlaskClient, file_url: str) -> None:
    answer = client.get(file_url, headers={"Range": f"bytes={len(CONTENT)}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_several_ranges_of_a_file(client: FlaskClient, file_url: str) -> None:
    answer = client.get(file_url, headers={"Range": "bytes=5-6, 1048570-1048580, -3"})
    assert answer.status_code == 206
    assert answer.content_length == len(answer.data)
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    _, *parts = message_from_bytes(head + answer.data).walk()
    size = len(CONTENT)
    expected = {
        f"bytes 5-6/{size}": CONTENT[5:7],
        f"bytes 1048570-1048580/{size}": CONTENT[1_048_570:1_048_581],
        f"bytes {size - 3}-{size - 1}/{size}": CONTENT[-3:],
    }
    found = {part["Content-Range"]: part.get_payload(decode=True) for part in parts}
    assert found == expected
    assert {part.get_content_type() for part in parts} == {"application/fits"}


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=x", "lines=0-1", "bytes=0-,0-"])
def test_a_range_that_is_ignored(client: FlaskClient, file_url: str, asked: str) -> None:
    answer = client.get(file_url, headers={"Range": asked})
    assert (answer.status_code, len(answer.data)) == (200, len(CONTENT))


def test_a_range_of_a_version(client: FlaskClient, file_url: str) -> None:
    etag = client.get(file_url).headers["ETag"]
    for condition, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200)):
        headers = {"Range": "bytes=0-1", "If-Range": condition}
        assert client.get(file_url, headers=headers).status_code == status


@pytest.mark.parametrize("more", [{}, {"Range": "bytes=0-1"}])
def test_only_the_version_that_is_wanted_is_sent(
    client: FlaskClient, file_url: str, more: dict[str, str]
) -> None:
    etag = client.get(file_url).headers["ETag"]
    for wanted in ('"other"', f"W/{etag}"):
        refused = client.get(file_url, headers={"If-Match": wanted, **more})
        assert (refused.status_code, refused.mimetype) == (412, "application/problem+json")
    for wanted in (etag, f'"other", {etag}', "*"):
        answer = client.get(file_url, headers={"If-Match": wanted, **more})
        assert answer.status_code == (206 if more else 200)
        assert answer.data == (CONTENT[:2] if more else CONTENT)


def test_head_has_no_range(client: FlaskClient, file_url: str) -> None:
    answer = client.head(file_url, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content_length) == (200, len(CONTENT))
    assert answer.headers["Accept-Ranges"] == "bytes"


PACKED = gzip.compress(CONTENT)


@pytest.mark.parametrize(
    ("packed", "wanted"),
    [
        (PACKED, CONTENT),
        # A broken one is what it is: one that is cut short, and ones that are damaged.
        (PACKED[:-99], PACKED[:-99]),
        (PACKED[:15], PACKED[:15]),
        (PACKED[:10] + b"\xff" * 3000, PACKED[:10] + b"\xff" * 3000),
    ],
    ids=["whole", "cut short", "cut at its beginning", "damaged"],
)
def test_file_that_was_stored_packed_is_sent_as_its_name_says(
    client: FlaskClient, file_url: str, packed: bytes, wanted: bytes
) -> None:
    blob = storage.client().bucket("panoptes-raw").blob(PATH)
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed)
    answer = client.get(file_url)
    assert (answer.status_code, answer.data) == (200, wanted)
    assert answer.content_length == len(wanted)
    assert "Content-Encoding" not in answer.headers
    piece = client.get(file_url, headers={"Range": "bytes=10-1999"})
    assert (piece.status_code, piece.data) == (206, wanted[10:2000])


def test_unchanged_file_is_not_sent_again(client: FlaskClient, file_url: str) -> None:
    etag = client.get(file_url).headers["ETag"]
    assert client.get(file_url, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/files/raw/secret.txt",
        f"/files/processed/{PATH}",
        "/files/raw/../secret.txt",
        "/files/raw/%2e%2e/secret.txt",
        "/files/raw/" + "a" * 2000,
    ],
)
def test_only_files_of_images_are_sent(client: FlaskClient, file_url: str, path: str) -> None:
    # A NUL is refused before anybody asks for a file.
    assert client.get(path).status_code in {400, 404}


def test_a_path_with_nul_is_refused(client: FlaskClient) -> None:
    problem(client, "/files/raw/a%00", 400)


def test_file_gone_from_its_bucket(client: FlaskClient, file_url: str) -> None:
    problem(client, file_url.replace("20181011T134333", "20181011T134543"), 404)


def test_storage_away(client: FlaskClient, file_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")
    forget_storage_client()
    problem(client, file_url, 503)


# --- what a browser shows


FILM_PATH = f"{FOLDER}/20181011T134202.mp4"


@pytest.fixture
def shown(client: FlaskClient, db: Engine, storage_port: int) -> Iterator[Any]:
    """An observation with a film and an image with every kind of file, all of them stored."""
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{"files": ALL_FILES}], film_path=FILM_PATH)
    found = get(client, f"/observations/{sequence_id}")
    with storage_at(storage_port):
        for file in [found["film"], *found["images"][0]["files"].values()]:
            store(f"panoptes-{file['bucket']}", file["path"], CONTENT)
        store("panoptes-processed", f"{FOLDER}/unnamed.jpg", CONTENT)
        yield found


ASKED_FOR_ANEW, KEPT = "no-cache", "max-age=60, stale-while-revalidate=604800"


@pytest.mark.parametrize(
    ("kind", "media_type", "disposition", "kept"),
    [
        ("raw", "application/fits", "attachment", ASKED_FOR_ANEW),
        ("cr2", "image/x-canon-cr2", "attachment", ASKED_FOR_ANEW),
        ("red", "application/fits", "attachment", ASKED_FOR_ANEW),
        ("picture", "image/jpeg", "inline", KEPT),
        ("thumbnail", "image/jpeg", "inline", KEPT),
    ],
)
def test_type_of_a_file(
    client: FlaskClient, shown: Any, kind: str, media_type: str, disposition: str, kept: str
) -> None:
    file = shown["images"][0]["files"][kind]
    answer = client.get(file["url"])
    assert answer.data == CONTENT
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Disposition"] == f"{disposition}; filename={file['name']}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == kept


def test_range_of_a_film(client: FlaskClient, shown: Any) -> None:
    answer = client.get(shown["film"]["url"], headers={"Range": "bytes=1500000-"})
    assert answer.status_code == 206
    assert answer.data == CONTENT[1_500_000:]
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Range"] == f"bytes 1500000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Disposition"].startswith("inline;")


@pytest.mark.parametrize(
    "path",
    [
        f"/files/processed/{FOLDER}/unnamed.jpg",
        f"/files/raw/{FILM_PATH}",
        f"/files/raw/{FOLDER}/20181011T134333.jpg",
        f"/files/processed/{FOLDER}/20181011T134333.cr2",
    ],
)
def test_object_that_no_row_names(client: FlaskClient, shown: Any, path: str) -> None:
    problem(client, path, 404)
