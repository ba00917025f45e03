"""A unit uploads bare CR2 files: data, pictures and a film come of them, and are on the page."""

import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from google.cloud import pubsub_v1
from PIL import Image

from panoptes_network.events import ImageObject
from simulator import Frame, Observation, simulate
from tests.end_to_end.conftest import CROP, Network

FULL = Observation(suffix=".cr2", start=datetime(2018, 9, 1, 9, 0, tzinfo=UTC))
NIGHT = replace(CROP, suffix=".cr2", count=10, start=datetime(2018, 9, 2, 9, 0, tzinfo=UTC))
KINDS = {"cr2", "red", "green", "blue", "picture", "preview", "thumbnail"}
FILES = "SELECT kind, bucket, path, generation FROM image_files WHERE image_id = :id ORDER BY kind"


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(simulate(FULL))


@pytest.fixture(scope="module")
def full(net: Network, frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The row of a full-size CR2's image, all of its files made."""
    net.upload(frame.object_path.path, frame.write(tmp_path_factory.mktemp("full")))
    image = net.wait_for_end(FULL.image_id(0))
    wait_for_files(net, FULL.image_id(0))
    return image


def wait_for_files(net: Network, image_id: str) -> list[dict[str, Any]]:
    def complete() -> list[dict[str, Any]]:
        found = net.rows(FILES, id=image_id)
        return found if {row["kind"] for row in found} == KINDS else []

    return net.wait_for(complete, timeout_s=90)


def links(net: Network, sequence_id: str) -> dict[str, requests.Response]:
    """Follow each link to a file on an observation's page; return the answers by the path."""
    page = net.get(f"/observations/{sequence_id}")
    assert page.ok
    found = {unescape(link) for link in re.findall(r'(?:href|src)="(/files/[^"]+)"', page.text)}
    return {link: net.get(link) for link in found}


def test_a_full_cr2_is_solved_as_well_as_the_units_own_file(
    net: Network, frame: Frame, full: dict[str, Any], tmp_path: Path
) -> None:
    assert full["state"] == "sources_extracted", full["reason"]
    assert full["from_cr2"]
    assert full["n_stamps"] > 1000
    solved = tmp_path / "solved.fits.fz"
    processed = net.client.bucket(net.env["PROCESSED_BUCKET"])
    processed.blob(full["solved_path"]).download_to_filename(str(solved))
    pixels, header = fits.getdata(solved, 1), fits.getheader(solved, 1)
    np.testing.assert_array_equal(pixels, frame.data)
    grid = np.stack(np.meshgrid(np.linspace(0, 5207, 40), np.linspace(0, 3475, 30)), -1)
    places = grid.reshape(-1, 2)
    told = SkyCoord(WCS(header, fix=False).all_pix2world(places, 0), unit="deg")
    true = SkyCoord(frame.truth.wcs.all_pix2world(places, 0), unit="deg")
    error_px = told.separation(true).arcsec / 10.29
    rms_px = float(np.sqrt(np.mean(error_px**2)))
    print(f"rms against the truth {rms_px:.3f} px, worst {error_px.max():.3f} px")
    assert rms_px < 0.3


def test_all_that_was_made_is_linked_on_the_page(
    net: Network, frame: Frame, full: dict[str, Any]
) -> None:
    answers = links(net, FULL.image_id(0))
    stem = frame.object_path.path.removesuffix(".cr2").replace(" ", "%20")
    endings = {f"raw/{stem}.cr2", f"raw/{stem}.fits.fz", f"processed/{stem}.fits.fz"}
    endings |= {f"processed/{stem}_{colour}.fits.fz" for colour in "rgb"}
    endings |= {f"processed/{stem}.jpg", f"processed/{stem}_thumb.jpg"}
    assert {link.removeprefix("/files/") for link in answers} >= endings
    assert all(answer.ok for answer in answers.values())
    for colour in "rgb":
        file = BytesIO(answers[f"/files/processed/{stem}_{colour}.fits.fz"].content)
        with fits.open(file) as hdus:
            assert hdus[1].data.shape == frame.data.shape
            assert hdus[1].header["PHOTOMET"] is False
    picture = answers[f"/files/processed/{stem}.jpg"]
    assert picture.headers["Content-Type"] == "image/jpeg"
    with Image.open(BytesIO(picture.content)) as shown:
        assert shown.size[0] == 2604


def test_delivered_again_it_leaves_one_image_and_one_set_of_files(
    net: Network, frame: Frame, full: dict[str, Any], tmp_path: Path
) -> None:
    before = net.rows(FILES, id=full["image_id"])
    arrived = ImageObject(bucket_path=frame.object_path.path, bucket=net.env["RAW_BUCKET"])
    with pubsub_v1.PublisherClient() as publisher:
        topic = publisher.topic_path(net.env["GOOGLE_CLOUD_PROJECT"], net.env["RAW_TOPIC"])
        for _ in range(3):
            data = arrived.model_dump_json(exclude_none=True).encode()
            publisher.publish(topic, data).result(timeout=30)
    # The next CR2's end shows that the converters have been through the messages before it.
    after = next(simulate(replace(NIGHT, count=1, start=datetime(2018, 9, 3, tzinfo=UTC))))
    net.upload(after.object_path.path, after.write(tmp_path))
    wait_for_files(net, str(after.object_path.image_id))
    net.wait_for_end(str(after.object_path.image_id))
    assert net.rows(FILES, id=full["image_id"]) == before
    assert net.image(full["image_id"]) == full


def test_the_units_own_file_takes_the_place_of_the_one_that_was_made(
    net: Network, tmp_path: Path
) -> None:
    start = datetime(2018, 9, 4, tzinfo=UTC)
    cr2 = next(simulate(replace(NIGHT, count=1, start=start)))
    own = next(simulate(replace(NIGHT, count=1, start=start, suffix=".fits")))
    image_id = str(cr2.object_path.image_id)
    net.upload(cr2.object_path.path, cr2.write(tmp_path))
    net.wait_for_end(image_id)
    net.upload(own.object_path.path, own.write(tmp_path))

    def is_own() -> bool:
        image = net.image(image_id)
        return image is not None and not image["from_cr2"] and image["state"] == "sources_extracted"

    net.wait_for(is_own, timeout_s=90)
    wait_for_files(net, image_id)
    assert len(net.rows("SELECT 1 FROM images WHERE image_id = :id", id=image_id)) == 1


def test_ten_frames_that_went_quiet_become_a_film_on_the_page(net: Network, tmp_path: Path) -> None:
    for frame in simulate(NIGHT):
        net.upload(frame.object_path.path, frame.write(tmp_path))
    for index in range(NIGHT.count):
        assert net.wait_for_end(NIGHT.image_id(index))["state"] == "sources_extracted"
    sequence_id = NIGHT.image_id(0)
    with net.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE images SET updated_at = now() - interval '1 hour'")
    asked = requests.post(
        net.env["MAKE_TIMELAPSE_URL"], json={"find_quiet": True}, timeout=60
    ).json()
    assert sequence_id in asked["announced"]

    def film_path() -> Any:
        query = "SELECT film_path FROM sequences WHERE sequence_id = :id"
        return net.rows(query, id=sequence_id)[0]["film_path"]

    path = net.wait_for(film_path, timeout_s=90)
    [film] = [answer for link, answer in links(net, sequence_id).items() if link.endswith(".mp4")]
    assert film.headers["Content-Type"] == "video/mp4"
    assert path.endswith("20180902T090000.mp4")
    (tmp_path / "film.mp4").write_bytes(film.content)
    command = ["ffprobe", "-v", "error", "-count_frames", "-of", "csv=p=0", "-show_entries"]
    said = subprocess.run(
        [*command, "stream=codec_name,nb_read_frames", tmp_path / "film.mp4"],
        check=True,
        stdout=subprocess.PIPE,
    )
    assert said.stdout.split() == [b"h264,10"]


def test_a_bad_cr2_is_on_the_page_with_its_reason_and_blocks_nobody(
    net: Network, tmp_path: Path
) -> None:
    bad = replace(NIGHT, count=1, start=datetime(2018, 9, 5, tzinfo=UTC))
    good = replace(NIGHT, count=1, start=datetime(2018, 9, 6, tzinfo=UTC))
    frame = next(simulate(good))
    file = frame.write(tmp_path)
    net.upload(bad.object_path(0).path, file.read_bytes()[:500_000])
    net.upload(good.object_path(0).path, file)
    assert net.wait_for_end(good.image_id(0))["state"] == "sources_extracted"
    image = net.wait_for_end(bad.image_id(0))
    assert (image["state"], image["reason_code"]) == ("error", "truncated")
    assert image["reason"] in unescape(net.get(f"/observations/{bad.image_id(0)}").text)
