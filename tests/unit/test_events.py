"""What passes between the services: read once, or refused with the wrong part's name."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.events import (
    HeaderRequest,
    ImageObject,
    PipelineImage,
    PushEnvelope,
    StorageObject,
    parse,
    unwrap_push,
)

IMAGE = PipelineImage(image_id="i", bucket="b", bucket_path="ż <p>", generation=7)


def pushed(data: object) -> PushEnvelope:
    return parse(PushEnvelope, {"message": {"data": data, "messageId": "1"}})


def refusal(model: type[BaseModel], value: object) -> str:
    with pytest.raises(PermanentError) as caught:
        parse(model, value)
    assert caught.value.reason is Reason.BAD_REQUEST
    return caught.value.message


def test_a_message_is_read_from_text_and_from_json() -> None:
    assert parse(PipelineImage, IMAGE.model_dump_json().encode()) == IMAGE
    assert parse(PipelineImage, IMAGE.model_dump()) == IMAGE


def test_a_storage_resource_is_read_as_google_sends_it() -> None:
    resource = {"bucket": "b", "name": "n", "generation": "1476122482", "kind": "storage#object"}
    assert parse(StorageObject, resource).generation == 1476122482


@pytest.mark.parametrize(
    ("model", "value", "named"),
    [
        (ImageObject, {}, "bucket_path: is missing"),
        (ImageObject, {"bucket_path": 5}, "bucket_path: "),
        (ImageObject, {"bucket_path": "x" * 5000}, "bucket_path: "),
        (ImageObject, {"bucket_path": "a\ud800"}, "bucket_path: "),
        (ImageObject, {"bucket_path": "a", "generation": -1}, "generation: "),
        (ImageObject, {"bucket_path": "a", "generation": "new"}, "generation: "),
        (ImageObject, {"bucket_path": "a", "generation": 2**63}, "generation: "),
        (HeaderRequest, {"bucket_path": "a", "generation": 2**63}, "generation: "),
        (StorageObject, {"bucket": "b", "name": "a", "generation": str(2**63)}, "generation: "),
        (PipelineImage, {**IMAGE.model_dump(), "generation": 10**20}, "generation: "),
        (HeaderRequest, {"headers": [1]}, "headers: "),
        (HeaderRequest, {"headers": dict.fromkeys(map(str, range(2001)), 1)}, "headers: "),
        (StorageObject, {"bucket": "b", "generation": 1}, "name: is missing"),
        (PushEnvelope, {"message": {"data": 1}}, "message.data: "),
        (ImageObject, [], "the body: "),
        (ImageObject, None, "the body: "),
        (ImageObject, b"{", "the body: must be valid JSON"),
        (ImageObject, b"\xff", "the body: must be valid JSON"),
        (ImageObject, b"[" * 100_000, "the body: must be valid JSON"),
    ],
)
def test_the_wrong_part_of_a_message_is_named(
    model: type[BaseModel], value: object, named: str
) -> None:
    assert refusal(model, value).startswith(named)


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(PermanentError):
        assert isinstance(parse(HeaderRequest, data), HeaderRequest)


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ({}, None),
        ({"generation": 5, "object_id": "b/p/7"}, 5),
        ({"object_id": "bucket/a path/20160909T081152.fits/1476122482"}, 1476122482),
        ({"object_id": "20160909T081152.fits"}, None),
        ({"object_id": "b/p/٣"}, None),
        ({"object_id": "b/p/" + "9" * 5000}, None),
        ({"object_id": f"b/p/{2**63}"}, None),
        ({"object_id": f"b/p/{2**63 - 1}"}, 2**63 - 1),
    ],
)
def test_generation_that_a_sender_means(sent: dict[str, object], wanted: int | None) -> None:
    assert parse(ImageObject, {"bucket_path": "p", **sent}).wanted_generation == wanted


def test_a_push_carries_a_message() -> None:
    data = base64.b64encode(IMAGE.model_dump_json().encode()).decode()
    assert parse(PipelineImage, unwrap_push(pushed(data))) == IMAGE
    assert pushed(data).message.message_id == "1"


def test_an_empty_push_carries_nothing() -> None:
    assert unwrap_push(parse(PushEnvelope, {"message": {}})) == b""


@pytest.mark.parametrize("data", ["not base64", "e30", "ż", json.dumps({})])
def test_a_push_that_is_not_base64_is_refused(data: str) -> None:
    with pytest.raises(PermanentError, match=r"^message\.data: must be base64$"):
        unwrap_push(pushed(data))
