"""cf-make-timelapse: a sequence's frames become a film, on request and when it is quiet."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from panoptes_network.config import settings
from simulator import Frame, simulate
from tests.service.support.functions import Network, asks_to_come_again, only, push, refused, tables
from tests.service.support.raw_frames import SMALL, names, send

FITS = replace(SMALL, suffix=".fits.fz", count=12)
SEQUENCE_ID = FITS.image_id(0)
FILM = "PAN001/M42/14d3bd/20180812T083000/20180812T083000.mp4"


@pytest.fixture(scope="module")
def frames() -> list[tuple[str, bytes]]:
    return [(frame.object_path.path, file_of(frame)) for frame in simulate(FITS)]


def file_of(frame: Frame) -> bytes:
    buffer = BytesIO()
    frame.hdus().writeto(buffer)
    return buffer.getvalue()


@pytest.fixture
def make_timelapse(function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-make-timelapse")


@pytest.fixture
def upload(network: Network, function: Callable[[str], FlaskClient]) -> Callable[..., None]:
    """Return a function that uploads frames and has them recorded."""
    header_to_db = function("cf-header-to-db")

    def uploaded(*files: tuple[str, bytes]) -> None:
        for path, data in files:
            network.upload(path, data)
            send(header_to_db, path)

    return uploaded


def film(network: Network, tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(network.processed.get_blob(FILM).download_as_bytes())
    return path


def ffprobe(path: Path) -> dict[str, Any]:
    """Return what ffprobe says of the film's one stream, its frames counted one by one."""
    if not shutil.which("ffprobe"):
        pytest.skip("there is no ffprobe: install Debian's ffmpeg")
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    [stream] = json.loads(output)["streams"]
    return dict(stream)


def pictures(path: Path) -> NDArray[np.uint8]:
    """Return the film's pictures, (frame, y, x, colour)."""
    stream = ffprobe(path)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(output, np.uint8).reshape(-1, stream["height"], stream["width"], 3)


def sequence(db: Engine) -> dict[str, Any]:
    return only(tables(db)["sequences"], sequence_id=SEQUENCE_ID)


def test_ten_frames_make_a_film_of_ten(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    db: Engine,
    tmp_path: Path,
) -> None:
    upload(*frames[:10])
    answer = make_timelapse.post("/", json={"sequence_id": SEQUENCE_ID})
    assert answer.json == {
        "sequence_id": SEQUENCE_ID,
        "path": FILM,
        "images": 10,
        "made": True,
        "frames": 10,
    }
    stream = ffprobe(film(network, tmp_path))
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert stream["nb_read_frames"] == "10"
    assert float(stream["duration"]) == pytest.approx(10 / 2)
    assert network.processed.get_blob(FILM).content_type == "video/mp4"
    row = sequence(db)
    assert (row["film_path"], row["film_frames"], row["film_reason"]) == (FILM, 10, None)


def test_frames_are_in_the_order_of_time_and_do_not_flicker(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    tmp_path: Path,
) -> None:
    upload(*reversed(frames[:6]))
    send(make_timelapse, frames[2][0])
    shown = pictures(film(network, tmp_path)).astype(float)
    sky = shown[:, : FITS.height // 2]
    levels = np.median(sky, axis=(1, 2, 3))
    # The simulated sky brightens by less than a per cent a frame.
    assert np.ptp(levels) <= 2
    # The picture drifts, so that a frame is most like those before and behind it.
    steps = [np.abs(sky[i] - sky[0]).mean() for i in range(1, 6)]
    assert steps == sorted(steps)
    # The times burnt in differ from frame to frame.
    captions = shown[:, FITS.height // 2 :, FITS.width // 4 :]
    assert all(np.abs(captions[i] - captions[i + 1]).max() > 50 for i in range(5))


def test_the_same_frames_are_not_filmed_again_but_more_are(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    db: Engine,
) -> None:
    upload(*frames[:3])
    assert send(make_timelapse, frames[0][0])["made"] is True
    before = names(network.processed)
    assert send(make_timelapse, frames[0][0])["made"] is False
    assert names(network.processed) == before
    upload(frames[3])
    assert send(make_timelapse, frames[0][0])["frames"] == 4
    assert names(network.processed)[FILM] > before[FILM]
    assert sequence(db)["film_frames"] == 4


def test_a_film_that_went_missing_is_made_again(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
) -> None:
    upload(*frames[:3])
    send(make_timelapse, frames[0][0])
    network.processed.blob(FILM).delete()
    assert send(make_timelapse, frames[0][0])["made"] is True


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_frames_are_answered_in_words(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    db: Engine,
    count: int,
) -> None:
    upload(*frames[:count])
    answer = make_timelapse.post("/", json={"sequence_id": SEQUENCE_ID})
    reason, words = refused(answer, 422)
    assert reason == "too_few_frames"
    assert f"needs 3 usable frames; this sequence has {count}" in words
    assert names(network.processed) == {}
    assert sequence(db)["film_reason"] == words
    assert sequence(db)["film_path"] is None


def test_pointing_images_broken_ones_and_other_sizes_are_left_out(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    tmp_path: Path,
) -> None:
    folder = frames[0][0].rpartition("/")[0]
    before = FITS.start - timedelta(minutes=1)
    pointing = file_of(next(simulate(replace(FITS, pointing=True, start=before))))
    other_size = file_of(next(simulate(replace(FITS, width=640, count=1))))
    broken = bytearray(frames[5][1])
    broken[60_000:90_000] = bytes(30_000)
    upload(*frames[:4])
    upload((f"{folder}/pointing00.fits.fz", pointing))
    upload((f"{folder}/20180812T090001.fits.fz", other_size))
    upload((f"{folder}/20180812T090002.fits.fz", bytes(broken)))
    answer = send(make_timelapse, frames[0][0])
    assert (answer["images"], answer["frames"]) == (6, 4)  # the pointing image is only kept
    assert len(pictures(film(network, tmp_path))) == 4


def test_a_film_of_frames_that_nobody_can_read_is_refused(
    network: Network, make_timelapse: FlaskClient, upload: Callable[..., None], db: Engine
) -> None:
    tiny = next(simulate(replace(FITS, width=60, height=40, count=1)))
    folder = FILM.rpartition("/")[0]
    upload(*[(f"{folder}/20180812T09000{n}.fits.fz", file_of(tiny)) for n in range(3)])
    answer = make_timelapse.post("/", json={"sequence_id": SEQUENCE_ID})
    assert refused(answer, 422)[0] == "too_few_frames"
    # It is not announced again until something changes.
    make_quiet(db)
    assert announced(make_timelapse) == []


def make_quiet(db: Engine, hours: int = 1) -> None:
    with db.begin() as connection:
        connection.execute(
            text("UPDATE images SET updated_at = now() - make_interval(hours => :h)"), {"h": hours}
        )


def announced(client: FlaskClient) -> list[str]:
    answer = client.post("/", json={"find_quiet": True})
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return list(answer.json["announced"])


def test_a_sequence_is_announced_when_it_is_quiet_and_when_it_has_grown(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    db: Engine,
) -> None:
    upload(*frames[:2])
    make_quiet(db)
    assert announced(make_timelapse) == []  # too few
    upload(frames[2])
    assert announced(make_timelapse) == []  # not quiet yet
    make_quiet(db)
    assert announced(make_timelapse) == [SEQUENCE_ID]
    [message] = network.queued(settings().film_topic)
    assert make_timelapse.post("/", json=push(message)).status_code == 200
    assert FILM in names(network.processed)
    assert announced(make_timelapse) == []  # done
    upload(frames[3])
    make_quiet(db)
    assert announced(make_timelapse) == [SEQUENCE_ID]
    make_quiet(db, hours=24 * 8)
    assert announced(make_timelapse) == []  # long ago


@pytest.mark.parametrize(
    ("request_body", "status", "reason"),
    [
        ({}, 400, "bad_request"),
        ({"sequence_id": SEQUENCE_ID, "find_quiet": True}, 400, "bad_request"),
        ({"sequence_id": 7}, 400, "bad_request"),
        ({"sequence_id": "M42"}, 422, "no_identity"),
        ({"sequence_id": SEQUENCE_ID}, 404, "object_missing"),
        ({"bucket_path": "PAN001/../x.cr2"}, 422, "bad_path"),
    ],
)
def test_refused_requests(
    network: Network,
    make_timelapse: FlaskClient,
    db: Engine,
    request_body: object,
    status: int,
    reason: str,
) -> None:
    assert refused(make_timelapse.post("/", json=request_body), status)[0] == reason


def test_a_broker_that_is_away_is_asked_again(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    db: Engine,
    set_env: Callable[..., None],
) -> None:
    upload(*frames[:3])
    make_quiet(db)
    set_env(FILM_TOPIC="missing")
    assert asks_to_come_again(make_timelapse.post("/", json={"find_quiet": True}))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_nothing_is_left_behind(
    network: Network,
    make_timelapse: FlaskClient,
    upload: Callable[..., None],
    frames: list[tuple[str, bytes]],
    temporary: Path,
) -> None:
    upload(*frames[:3])
    send(make_timelapse, frames[0][0])
    assert list(temporary.iterdir()) == []
