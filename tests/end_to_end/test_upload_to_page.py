"""What a unit uploads becomes data and a page, whatever happens on the way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import requests
from google.cloud import pubsub_v1

from panoptes_network.events import PipelineImage
from simulator import Frame
from tests.end_to_end.conftest import Network
from tests.integration.test_plate_solver import BAD_FILES

NextCrop = Callable[[], Frame]
SOURCES = (
    "SELECT sources.* FROM sources JOIN images USING (image_key, time)"
    " WHERE image_id = :id ORDER BY number"
)


def _image_id(frame: Frame) -> str:
    image_id = frame.object_path.image_id
    assert image_id is not None
    return image_id


def test_an_uploaded_frame_is_solved_and_on_the_page(
    net: Network, crops: NextCrop, tmp_path: Path
) -> None:
    frame = crops()
    net.upload(frame.object_path.path, frame.write(tmp_path))
    image = net.wait_for_end(_image_id(frame))

    assert image["state"] == "sources_extracted", image["reason"]
    sources = net.rows(SOURCES, id=image["image_id"])
    matched = [source for source in sources if source["picid"] is not None]
    assert len(matched) == image["n_stamps"] > 20
    for source in matched:
        stamp = np.frombuffer(source["stamp"], dtype=">u2").reshape(10, 10)
        x, y = source["stamp_x"], source["stamp_y"]
        np.testing.assert_array_equal(stamp, frame.data[y : y + 10, x : x + 10])
    assert frame.object_path.sequence_id in net.get("/observations").text
    page = net.get(f"/observations/{frame.object_path.sequence_id}")
    assert page.ok
    assert image["image_id"] in page.text
    assert "sources extracted" in page.text.lower().replace("_", " ")


def test_the_same_event_three_times_leaves_the_rows_of_one(
    net: Network, crops: NextCrop, tmp_path: Path
) -> None:
    frame = crops()
    path = frame.object_path.path
    generation = net.upload(path, frame.write(tmp_path))
    image = net.wait_for_end(_image_id(frame))
    before = image, net.rows(SOURCES, id=image["image_id"])

    for _ in range(3):
        _send_event(net, path, generation)
        _send_message(net, image["image_id"], path, generation)
    # The next image's end shows that the worker has been through the messages before it.
    after = crops()
    net.upload(after.object_path.path, after.write(tmp_path))
    net.wait_for_end(_image_id(after))

    assert (net.image(image["image_id"]), net.rows(SOURCES, id=image["image_id"])) == before


def _send_event(net: Network, path: str, generation: int) -> None:
    """Send what Eventarc sends for a finalized object."""
    bucket = net.env["RAW_BUCKET"]
    headers = {
        "ce-id": f"{path}/{generation}",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.storage.object.v1.finalized",
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{bucket}",
        "ce-subject": f"objects/{path}",
    }
    body = {"bucket": bucket, "name": path, "generation": str(generation)}
    sent = requests.post(net.env["BUCKET_UPLOAD_URL"], json=body, headers=headers, timeout=60)
    assert sent.ok, sent.text


def _send_message(net: Network, image_id: str, path: str, generation: int) -> None:
    image = PipelineImage(
        image_id=image_id,
        bucket=net.env["RAW_BUCKET"],
        bucket_path=path,
        generation=generation,
    )
    with pubsub_v1.PublisherClient() as publisher:
        topic = publisher.topic_path(net.env["GOOGLE_CLOUD_PROJECT"], net.env["PIPELINE_TOPIC"])
        publisher.publish(topic, image.model_dump_json().encode()).result(timeout=30)


@pytest.mark.slow
def test_a_frame_outlives_the_worker_that_worked_on_it(
    net: Network, crops: NextCrop, tmp_path: Path
) -> None:
    frame = crops()
    net.upload(frame.object_path.path, frame.write(tmp_path))

    def is_under_way() -> bool:
        image = net.image(_image_id(frame))
        return image is not None and image["state"] == "solving"

    net.wait_for(is_under_way)
    net.kill("gce-plate-solver")
    image = net.wait_for_end(_image_id(frame))

    assert image["state"] == "sources_extracted", image["reason"]
    assert image["tries"] == 2
    assert net.component("gce-plate-solver")["restarts"] >= 1
    sources = net.rows(SOURCES, id=image["image_id"])
    assert [source["number"] for source in sources] == list(range(len(sources)))
    assert sum(source["is_detected"] for source in sources) == image["n_sources"]


def test_bad_uploads_end_with_reasons_and_block_nobody(
    net: Network, crops: NextCrop, tmp_path: Path
) -> None:
    sequence = "PAN001/<script>alert(1) Ж'\"/14d3bd/20180901T083000"
    names = {name: f"20180901T0900{number:02}" for number, name in enumerate(BAD_FILES)}
    for name, time in names.items():
        net.upload(f"{sequence}/{time}.fits", BAD_FILES[name][0])
    good = crops()
    file = good.write(tmp_path)
    net.upload(f"{sequence}/20180901T095900.fits.fz", file.read_bytes()[:200_000])
    net.upload("PAN001/14d3bd/nonsense/20180901T095900.fits", b"")
    net.upload(good.object_path.path, file)

    assert net.wait_for_end(_image_id(good))["state"] == "sources_extracted"
    for name, time in names.items():
        image = net.wait_for_end(f"PAN001_14d3bd_{time}")
        assert (image["state"], image["reason_code"]) == ("error", BAD_FILES[name][1])
        assert image["reason"]
    cut = net.wait_for_end("PAN001_14d3bd_20180901T095900")
    assert (cut["state"], cut["reason_code"]) == ("error", "truncated")
    page = net.get("/observations/PAN001_14d3bd_20180901T083000").text
    assert "<script>alert" not in page
    assert "the file is empty" in page


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("PAN001/../14d3bd/20180901T083000/20180901T090000.fits", 422, "'..'"),
        ("PAN001/" + "x" * 2000 + "/14d3bd/20180901T083000/20180901T090000.fits", 422, "longer"),
        ("PAN001/14d3bd/20180901T083000/20180901T090000.txt", 415, "must end in one of"),
        ("PAN1/14d3bd/20180901T083000/20180901T090000.fits", 422, "unit 'PAN1'"),
        ("PAN001/14d3bd/20180901T083000/20200101T090000.fits", 404, "no object"),
    ],
)
def test_a_bad_path_is_refused_in_words(net: Network, path: str, status: int, words: str) -> None:
    refused = requests.post(net.env["IMAGE_RECEIVED_URL"], json={"bucket_path": path}, timeout=60)
    assert refused.status_code == status
    assert words in refused.json()["error"]["message"]
