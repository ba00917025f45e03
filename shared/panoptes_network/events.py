"""What passes between the services: each message parsed once, into one typed object."""

import base64
import binascii
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from panoptes_network import storable
from panoptes_network.errors import PermanentError, Reason

MAX_TEXT = 4096
MAX_HEADER_CARDS = 2000
MAX_PLACE = 100

_BIGINT_END = 2**63
_GENERATION = re.compile(r"[0-9]{1,19}")

Generation = Annotated[int, Field(ge=0, lt=_BIGINT_END)]
"""Of an object in a bucket; Cloud Storage and the database have 64 bits for it."""

M = TypeVar("M", bound=BaseModel)


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EventAttributes(_Message):
    """What a CloudEvent has besides its `data`, in headers or beside them in the body."""

    specversion: Literal["0.3", "1.0"]
    id: str
    source: str
    type: str


class StorageObject(_Message):
    """The `data` of a CloudEvent ``google.cloud.storage.object.v1.finalized``.

    `size` is in bytes; None where the event does not say it.
    """

    bucket: str = Field(max_length=222)
    name: str = Field(max_length=MAX_TEXT)
    generation: Generation
    size: int | None = Field(None, ge=0)


class ImageObject(_Message):
    """An image in a bucket, as one service names it to the next.

    `object_id` is Cloud Storage's ``bucket/name/generation``; it fills in what the others
    leave out. Without a generation, the newest one is meant.
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
    """An image in a bucket, headers that somebody knows of it, or both."""

    bucket_path: str | None = Field(None, max_length=MAX_TEXT)
    bucket: str | None = Field(None, max_length=222)
    generation: Generation | None = None
    headers: dict[str, Any] = Field(default_factory=dict, max_length=MAX_HEADER_CARDS)


class PipelineImage(_Message):
    """An image whose metadata are in the database, ready to be solved.

    `reprocess` means that it is wanted again although it has ended.
    """

    image_id: str = Field(max_length=64)
    bucket: str = Field(max_length=222)
    bucket_path: str = Field(max_length=MAX_TEXT)
    generation: Generation
    reprocess: bool = False


class FilmRequest(_Message):
    """A sequence to be filmed, by its id or by the path of one of its images; or all quiet ones."""

    sequence_id: str | None = Field(None, max_length=64)
    bucket_path: str | None = Field(None, max_length=MAX_TEXT)
    find_quiet: bool = False

    @model_validator(mode="after")
    def _names_one_thing(self) -> "FilmRequest":
        if (self.sequence_id, self.bucket_path, self.find_quiet or None).count(None) != 2:
            raise ValueError("send sequence_id, bucket_path or find_quiet: one of them")
        return self


class _PushMessage(_Message):
    data: str = ""
    message_id: str = Field("", alias="messageId")
    attributes: dict[str, Any] | None = None


class PushEnvelope(_Message):
    """What a Pub/Sub push subscription posts."""

    message: _PushMessage
    subscription: str = ""


def read_generation(text: str) -> int | None:
    """Return the generation that a text is; None where it is none that an object can have."""
    if not _GENERATION.fullmatch(text):
        return None
    generation = int(text)
    return generation if generation < _BIGINT_END else None


def parse(model: type[M], value: object) -> M:
    """Turn JSON that came from outside, as text or already decoded, into a message.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_REQUEST`; the words name each part that is wrong, or the first
        with text that cannot be stored.
    """
    message = parse_whatever(model, value)
    storable.check(message.model_dump())
    return message


def parse_whatever(model: type[M], value: object) -> M:
    """Do as `parse`, whatever its texts are: for who keeps messages that nobody could work on."""
    try:
        if isinstance(value, bytes):
            return model.model_validate_json(value)
        return model.model_validate(value)
    except ValidationError as error:
        problems = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors()[:5])
        raise PermanentError(Reason.BAD_REQUEST, problems) from None


def _place(location: tuple[int | str, ...]) -> str:
    """Name what is wrong; a name that came from outside may be of any length."""
    return ".".join(map(str, location))[:MAX_PLACE] or "the body"


def unwrap_push(envelope: PushEnvelope) -> bytes:
    """Return the data of a pushed message; PermanentError when they are not base64."""
    try:
        return base64.b64decode(envelope.message.data, validate=True)
    except (binascii.Error, ValueError):
        raise PermanentError(Reason.BAD_REQUEST, "message.data: not base64") from None
