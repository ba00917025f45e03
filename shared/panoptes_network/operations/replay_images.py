"""Replay of failed images, from the stage at which each has to restart."""

from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.events import ImageObject, PipelineImage
from panoptes_network.ids import CameraTime, check_time, image_suffix
from panoptes_network.operations.dead_letters import event_of
from panoptes_network.operations.history import SERVICE, Stage
from panoptes_network.operations.report import Outcome
from panoptes_network.operations.selection import Filters
from panoptes_network.pubsub import publish
from panoptes_network.web.service_client import post


def replay_images(filters: Filters, after: int, size: int, outcome: Outcome) -> tuple[int, int]:
    """Send a batch of images again; return the last key and the number of images."""
    query = filters.choose_images().where(Image.image_key > after)
    batch = query.order_by(Image.image_key).limit(size)
    images = run_transaction(lambda session: session.scalars(batch).all())
    sent = [image for image in images if _is_sent(image, outcome)]
    if sent and not outcome.dry_run:
        run_transaction(lambda session: _note(session, sent))
    return images[-1].image_key if images else after, len(images)


def _is_sent(image: Image, outcome: Outcome) -> bool:
    try:
        _check(image)
        if not outcome.dry_run:
            _send(image)
    except PermanentError as error:
        outcome.add_problem(f"{image.image_id}: {error.message}")
        return False
    outcome.add(image.image_id)
    return True


def _check(image: Image) -> None:
    if image.bucket is None or image.bucket_path is None:
        raise PermanentError(Reason.OBJECT_MISSING, "only its headers arrived, not its file")
    check_time(CameraTime.parse(image.sequence_id).time, "sequence")
    check_time(image.time, "image")


def _send(image: Image) -> None:
    bucket, path = str(image.bucket), str(image.bucket_path)
    if image.generation > 0:
        message = PipelineImage(
            image_id=image.image_id,
            bucket=bucket,
            bucket_path=path,
            generation=image.generation,
            reprocess=True,
        )
        publish(settings().pipeline_topic, message)
    elif image_suffix(path) == ".cr2":
        publish(settings().raw_topic, ImageObject(bucket_path=path, bucket=bucket))
    else:  # its upload was never checked
        post(settings().image_received_url, ImageObject(bucket_path=path, bucket=bucket), behind=1)


def _note(session: Session, images: list[Image]) -> None:
    session.add_all(
        event_of(
            image, SERVICE, Stage.REPLAY.mark(image.generation), None, "sent again by an operator"
        )
        for image in images
    )
