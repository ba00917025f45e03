"""Messages between the services, each parsed once into a typed object."""

import base64
import binascii
import re
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from panoptes_network import invalid_values, storable
from panoptes_network.errors import PermanentError, Reason

MAX_TEXT = 4096
MAX_HEADER_CARDS = 2000

_BIGINT_END = 2**63
_GENERATION = re.compile(r"[0-9]{1,19}")

Generation = Annotated[int, Field(ge=0, lt=_BIGINT_END)]
"""Generation of an object; Cloud Storage and the database store it in 64 bits."""

M = TypeVar("M", bound=BaseModel)


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EventAttributes(_Message):
    """Attributes of a CloudEvent besides its `data`, from headers or the body."""

    specversion: Literal["0.3", "1.0"]
    id: str
    source: str
    type: str


class StorageObject(_Message):
    """The `data` of a CloudEvent ``google.cloud.storage.object.v1.finalized``.

    `size` is in bytes; None if the event does not include it.
    """

    bucket: str = Field(max_length=222)
    name: str = Field(max_length=MAX_TEXT)
    generation: Generation
    size: int | None = Field(None, ge=0)


class ImageObject(_Message):
    """An image in a bucket, as services name it to each other.

    `object_id` is Cloud Storage's ``bucket/name/generation``; it fills in missing fields. Without a
    generation, the newest one is meant.
    """

    bucket_path: str = Field(max_length=MAX_TEXT)
    bucket: str | None = Field(None, max_length=222)
    generation: Generation | None = None
    object_id: str | None = Field(None, max_length=2 * MAX_TEXT)

    @property
    def wanted_generation(self) -> int | None:
        """The generation that the sender means; None for the newest."""
        if self.generation is not None or not self.object_id:
            return self.generation
        return read_generation(self.object_id.rpartition("/")[2])


class HeaderRequest(_Message):
    """A request with an image in a bucket, headers known to the sender, or both."""

    bucket_path: str | None = Field(None, max_length=MAX_TEXT)
    bucket: str | None = Field(None, max_length=222)
    generation: Generation | None = None
    headers: dict[str, object] = Field(default_factory=dict, max_length=MAX_HEADER_CARDS)


class PipelineImage(_Message):
    """An image whose metadata are in the database, ready to be solved.

    `reprocess` requests it again although it has ended.
    """

    image_id: str = Field(max_length=64)
    bucket: str = Field(max_length=222)
    bucket_path: str = Field(max_length=MAX_TEXT)
    generation: Generation
    reprocess: bool = False


class FilmRequest(_Message):
    """A request for the film of one sequence, by its id or an image's path, or of all idle ones."""

    sequence_id: str | None = Field(None, max_length=64)
    bucket_path: str | None = Field(None, max_length=MAX_TEXT)
    find_quiet: bool = False

    @model_validator(mode="after")
    def _names_one_thing(self) -> "FilmRequest":
        if (self.sequence_id, self.bucket_path, self.find_quiet or None).count(None) != 2:
            raise ValueError("send exactly one of sequence_id, bucket_path and find_quiet")
        return self


class _PushMessage(_Message):
    data: str = ""
    message_id: str = Field("", alias="messageId")
    attributes: dict[str, object] | None = None


class PushEnvelope(_Message):
    """The body of a Pub/Sub push request."""

    message: _PushMessage
    subscription: str = ""


def read_generation(text: str) -> int | None:
    """Return a text as a generation; None if no object can have it."""
    if not _GENERATION.fullmatch(text):
        return None
    generation = int(text)
    return generation if generation < _BIGINT_END else None


def parse(model: type[M], value: object) -> M:
    """Parse external JSON, as text or already decoded, into a message.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_REQUEST`; the message names each invalid field, or the first with
        text that cannot be stored.
    """
    message = parse_whatever(model, value)
    storable.check(message.model_dump())
    return message


def parse_whatever(model: type[M], value: object) -> M:
    """Parse like `parse`, but accept texts that cannot be stored, as in dead letters."""
    try:
        if isinstance(value, bytes):
            return model.model_validate_json(value)
        return model.model_validate(value)
    except ValidationError as error:
        raise PermanentError(Reason.BAD_REQUEST, invalid_values.explain(error)) from None


def unwrap_push(envelope: PushEnvelope) -> bytes:
    """Return the data of a push message; PermanentError if it is not base64."""
    try:
        return base64.b64decode(envelope.message.data, validate=True)
    except (binascii.Error, ValueError):
        raise PermanentError(Reason.BAD_REQUEST, "message.data: must be base64") from None
