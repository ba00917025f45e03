"""The subject of a message: the image it names, whichever topic it was on."""

from dataclasses import dataclass

from panoptes_network.errors import PermanentError
from panoptes_network.events import ImageObject, M, PipelineImage, StorageObject, parse
from panoptes_network.ids import MAX_PATH_BYTES, CameraTime, ObjectPath, parse_upload_path
from panoptes_network.storable import shorten


@dataclass(frozen=True, slots=True)
class Subject:
    """The image that a message names, as far as it does.

    `is_upload` marks a storage event whose object has not been checked yet.
    """

    image_id: str | None = None
    bucket: str | None = None
    bucket_path: str | None = None
    generation: int | None = None
    is_upload: bool = False

    @property
    def path(self) -> ObjectPath | None:
        """The parsed object path; None if it is not the path of an image."""
        return image_path(self.bucket_path or "")

    @classmethod
    def of(cls, data: bytes) -> "Subject":
        """Return the subject of a message's data; empty if it is not a message of the network."""
        if (pipeline := _read(PipelineImage, data)) is not None:
            return cls(
                _checked_id(pipeline.image_id),
                pipeline.bucket,
                shorten(pipeline.bucket_path, MAX_PATH_BYTES),
                pipeline.generation,
            )
        if (image := _read(ImageObject, data)) is not None:
            return _of_object(image.bucket, image.bucket_path, image.wanted_generation)
        if (stored := _read(StorageObject, data)) is not None:
            return _of_object(stored.bucket, stored.name, stored.generation, is_upload=True)
        return cls()


def image_path(path: str) -> ObjectPath | None:
    """Parse an object path; None if it is not that of a processed image."""
    try:
        parsed = parse_upload_path(path)
    except PermanentError:
        return None
    return None if parsed.is_pointing else parsed


def _of_object(
    bucket: str | None, name: str, generation: int | None, *, is_upload: bool = False
) -> Subject:
    path = image_path(name)
    return Subject(
        path.image_id if path else None,
        bucket,
        shorten(name, MAX_PATH_BYTES),
        generation,
        is_upload,
    )


def _read(model: type[M], data: bytes) -> M | None:
    try:
        return parse(model, data)
    except PermanentError:
        return None


def _checked_id(text: str) -> str | None:
    try:
        return str(CameraTime.parse(text))
    except PermanentError:
        return None
