"""Products and films of finished images."""

import os
import time
from collections import Counter
from collections.abc import Sequence

import requests
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from local.follow import POLL_S, Followed
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.films import MIN_FRAMES
from panoptes_network.database.models import ImageFile
from panoptes_network.states import FileKind

PRODUCT_LIMIT_S = 120.0
FILM_TIMEOUT_S = 900
_PICTURES = frozenset({FileKind.PICTURE, FileKind.PREVIEW, FileKind.THUMBNAIL})
_COLOURS = frozenset({FileKind.RED, FileKind.GREEN, FileKind.BLUE})


def wait_for_products(followed: Sequence[Followed]) -> list[str]:
    """Wait until all images have their products, and record their numbers.

    Returns
    -------
    list of str
        Names of images with missing products, `PRODUCT_LIMIT_S` after the last image ended.
    """
    deadline = time.monotonic() + PRODUCT_LIMIT_S
    while True:
        counts = run_transaction(lambda session: _counts(session, followed))
        for one in followed:
            one.products = counts.get(one.name)
        lacking = [one.name for one in followed if (one.products or 0) < _expected(one)]
        if not lacking or time.monotonic() > deadline:
            return lacking
        time.sleep(POLL_S)


def film_sequences(followed: Sequence[Followed]) -> list[str]:
    """Request films of the sequences that have enough frames; return the result of each."""
    frames = Counter(one.image.sequence_id for one in followed if one.image and one.succeeded)
    return [_film(sequence) for sequence, count in frames.items() if count >= MIN_FRAMES]


def _film(sequence_id: str) -> str:
    url = os.environ["MAKE_TIMELAPSE_URL"]
    try:
        answer = requests.post(url, json={"sequence_id": sequence_id}, timeout=FILM_TIMEOUT_S)
        said = answer.json()
    except requests.RequestException as error:
        return f"no film of {sequence_id}: {error}"
    if not answer.ok:
        return f"no film of {sequence_id}: {said['error']['message']}"
    return f"film of {sequence_id}: {said['path']}"


def _expected(one: Followed) -> int:
    if not one.succeeded:
        return 0
    return len(_PICTURES) + (len(_COLOURS) if one.cr2_image_id else 0)


def _counts(session: Session, followed: Sequence[Followed]) -> dict[str, int]:
    query = (
        select(ImageFile.image_id, func.count())
        .where(
            ImageFile.image_id.in_([one.name for one in followed]),
            ImageFile.kind.in_(_PICTURES | _COLOURS),
        )
        .group_by(ImageFile.image_id)
    )
    return dict(session.execute(query).tuples().all())
