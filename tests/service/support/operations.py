"""What the tests of cf-operations and of its command share."""

import base64
import json
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from panoptes_network.config import settings
from tests.service.support.functions import IMAGE_ID, PATH, SEQUENCE_ID, Network, tables

CR2 = PATH.replace(".fits", ".cr2")
IN_THE_MORNING = "PAN001_14d3bd_20181012T040000"
NEXT_NIGHT = "PAN001_14d3bd_20181012T130000"
OTHER_UNIT = "PAN002_ee04d1_20181011T140000"
PRODUCTS = ("red", "green", "blue", "picture", "thumbnail")

Ask = Callable[..., Any]


def ask(client: FlaskClient, path: str, **body: Any) -> Any:
    """Post to a path of the service and return what it answers."""
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json


def dead_letter(
    data: bytes, *, subscription: str, topic: str, message_id: str = "7", tries: int | None = 5
) -> dict[str, Any]:
    """Return what the push subscription of a dead-letter topic posts."""
    source = "CloudPubSubDeadLetterSource"
    attributes = {f"{source}Subscription": subscription, f"{source}SubscriptionProject": "p"}
    if tries is not None:
        attributes[f"{source}DeliveryCount"] = str(tries)
    return {
        "message": {
            "data": base64.b64encode(data).decode(),
            "attributes": {**attributes, "traceparent": "00-1-1-01"},
            "messageId": message_id,
            "message_id": message_id,
        },
        "subscription": f"projects/p/subscriptions/{topic}-dead",
    }


def letters(db: Engine) -> list[dict[str, Any]]:
    return rows(db, "SELECT * FROM dead_letters ORDER BY 1")


def image(db: Engine, image_id: str = IMAGE_ID) -> dict[str, Any]:
    [row] = rows(db, f"SELECT * FROM images WHERE image_id = '{image_id}'")  # noqa: S608
    return row


def rows(db: Engine, query: str) -> list[dict[str, Any]]:
    with db.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def history(db: Engine, service: str = "cf-operations") -> list[tuple[str, str]]:
    """Return state and words of each event that a service has written."""
    events = [row for row in tables(db)["image_events"] if row["service"] == service]
    return [(row["state"], row["reason"]) for row in events]


def change(db: Engine, statement: str, **values: Any) -> None:
    with db.begin() as connection:
        connection.execute(text(statement), values)


def add_image(
    db: Engine,
    image_id: str = IMAGE_ID,
    *,
    state: str = "metadata_received",
    generation: int = 1,
    age_s: float = 0,
    **columns: Any,
) -> None:
    """Write an image and what it refers to, as the services do, some time ago."""
    unit, camera, time = image_id.split("_")
    sequence = columns.pop("sequence_id", SEQUENCE_ID.replace("PAN001", unit))
    values = {
        "image_id": image_id,
        "sequence_id": sequence,
        "state": state,
        "generation": generation,
        "bucket": settings().raw_bucket,
        "bucket_path": f"{unit}/M42/{camera}/20181011T134202/{time}.fits",
        **columns,
    }
    moment = f"to_timestamp('{time}', 'YYYYMMDD\"T\"HH24MISS')::timestamp AT TIME ZONE 'UTC'"
    with db.begin() as connection:
        for statement in (
            "INSERT INTO units (unit_id) VALUES (:unit) ON CONFLICT DO NOTHING",
            "INSERT INTO cameras (camera_id, unit_id) VALUES (:camera, :unit)"
            " ON CONFLICT DO NOTHING",
            "INSERT INTO sequences (sequence_id, unit_id, camera_id, start_time)"
            " VALUES (:sequence, :unit, :camera, now()) ON CONFLICT DO NOTHING",
        ):
            connection.execute(
                text(statement), {"unit": unit, "camera": camera, "sequence": sequence}
            )
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(
            text(
                f"INSERT INTO images ({names}, time, updated_at) VALUES ({marks}, {moment},"  # noqa: S608
                " now() - make_interval(secs => :age_s))"
            ),
            {**values, "age_s": age_s},
        )


def add_file(db: Engine, kind: str, generation: int, *, image_id: str = IMAGE_ID) -> None:
    """Write that an image has a CR2, or a product of it."""
    change(
        db,
        "INSERT INTO image_files (bucket, path, image_id, kind, generation, source_path,"
        " source_generation, n_bytes) VALUES ('b', :path, :id, :kind, :g, :source, :g, 1)",
        path=f"{image_id}.{kind}",
        id=image_id,
        kind=kind,
        g=generation,
        source=CR2,
    )


def let_time_pass(db: Engine, seconds: float) -> None:
    """Make all that was written so much older; objects in the bucket stay as they are."""
    interval = {"s": seconds}
    ago = "- make_interval(secs => :s)"
    change(db, f"UPDATE images SET updated_at = updated_at {ago}", **interval)  # noqa: S608
    change(db, f"UPDATE image_events SET at = at {ago}", **interval)  # noqa: S608
    change(db, f"UPDATE image_files SET updated_at = updated_at {ago}", **interval)  # noqa: S608


def queued(network: Network) -> tuple[list[Any], list[Any]]:
    """Take what waits for the converters, and for the solvers."""
    return network.queued(settings().raw_topic), network.queued(settings().pipeline_topic)


def add_failed_images(db: Engine) -> list[str]:
    """Write four images that failed, and one that did not; return those, in their order."""
    add_image(db, IMAGE_ID, state="error", reason_code="no_catalog", reason="no stars")
    add_image(
        db,
        IN_THE_MORNING,
        state="unsolved",
        reason_code="not_solved",
        reason="clouds",
        sequence_id="PAN001_14d3bd_20181012T035900",
    )
    add_image(db, NEXT_NIGHT, state="error", reason_code="no_catalog", reason="no stars")
    add_image(db, OTHER_UNIT, state="error", reason_code="tries_exhausted", reason="5 times")
    add_image(db, "PAN001_14d3bd_20181011T150000", state="sources_extracted")
    return [IMAGE_ID, IN_THE_MORNING, NEXT_NIGHT, OTHER_UNIT]


def add_letter(client: FlaskClient, image_id: str, number: int, **more: Any) -> None:
    unit, camera, time = image_id.split("_")
    path = f"{unit}/M42/{camera}/20181011T134202/{time}.cr2"
    data = {"bucket_path": path, "bucket": settings().raw_bucket, "generation": number}
    push = dead_letter(
        json.dumps(data).encode(),
        subscription="cf-make-fits",
        topic=settings().raw_topic,
        message_id=str(number),
        **more,
    )
    ask(client, "/dead-letter", **push)


def add_letters(client: FlaskClient) -> list[str]:
    """Let three dead letters be recorded; return their images."""
    images = [IMAGE_ID, NEXT_NIGHT, OTHER_UNIT]
    for number, image_id in enumerate(images):
        add_letter(client, image_id, number)
    return images
