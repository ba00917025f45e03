"""Solved images as the plate solver leaves them, without their files."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from tests.service.support.functions import SEQUENCE_ID
from tests.service.support.operations import add_image

START = datetime(2018, 10, 11, 13, 43, 33)  # noqa: DTZ001 - written as ids have it, in UTC


def image_id(number: int) -> str:
    """Return the id of an image of the sequence."""
    return f"PAN001_14d3bd_{START + timedelta(minutes=2 * number):%Y%m%dT%H%M%S}"


def add_solved(db: Engine, *numbers: int, age_s: float = 3600, generation: int = 1) -> None:
    """Write that these images of the sequence were solved so long ago."""
    for number in numbers:
        add_image(
            db,
            image_id(number),
            state="sources_extracted",
            generation=generation + number,
            solved_path=f"PAN001/M42/14d3bd/20181011T134202/{number}.fits.fz",
            exptime_s=120,
            age_s=age_s,
        )


__all__ = ["SEQUENCE_ID", "add_solved", "image_id"]
