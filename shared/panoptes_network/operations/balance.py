"""The balance of the raw bucket: each object is in exactly one group; lost objects are named."""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import func
from sqlalchemy.orm import Session

from panoptes_network.database.gone import lies_in
from panoptes_network.database.models import ImageEvent
from panoptes_network.database.refusals import standing
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.ids import check_name
from panoptes_network.operations.lost_uploads import Group
from panoptes_network.operations.retry_policy import grace

MAX_EXAMPLES = 20
"""Paths named per difference; the counts include all."""


@dataclass
class Balance:
    """The groups of the objects seen by a sweep, and the rows without an object.

    `refused` counts refusals by reason. `gone` are rows of images, and standing refusals, whose
    object is no longer in the bucket.
    """

    groups: Counter[Group] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    n_gone: int = 0
    gone: list[str] = field(default_factory=list)

    def add(self, group: Group, path: str, reason: str | None = None) -> None:
        """Count an object."""
        self.groups[group] += 1
        if group is Group.REFUSED:
            self.refused[str(reason)] += 1
        if group is Group.LOST:
            self.lost = [*self.lost, path][:MAX_EXAMPLES]

    def add_gone(self, paths: list[str]) -> None:
        """Count rows that have no object."""
        self.n_gone += len(paths)
        self.gone = [*self.gone, *paths][:MAX_EXAMPLES]

    def answer(self) -> dict[str, int | dict[str, int] | list[str]]:
        """Return the balance as JSON."""
        return {
            **{str(group): self.groups[group] for group in Group},
            "refused_by_reason": dict(self.refused.most_common()),
            "lost_paths": self.lost,
            "rows_without_object": self.n_gone,
            "paths_without_object": self.gone,
        }


def words(balance: Balance, objects: int) -> str:
    """Format a balance in one line.

    ``5 objects = 2 images + 1 companions + 1 refused + 1 waiting + 0 lost``
    """
    counts = (f"{balance.groups[group]} {group}" for group in Group)
    return f"{objects} objects = " + " + ".join(counts)


def refused_between(session: Session, part: tuple[str, str | None]) -> set[str]:
    """Return the paths of refusals that stand in a part of the raw bucket; see `lies_in`.

    Rows changed within the grace period are excluded, as a newer file may replace them. So are
    invalid object names, which storage does not look up.
    """
    query = standing().where(
        ImageEvent.at < func.now() - grace(),
        ImageEvent.reason_code != Reason.OBJECT_MISSING,
        lies_in(ImageEvent.bucket_path, part),
    )
    paths = {str(refusal.bucket_path) for refusal in session.scalars(query)}
    return {path for path in paths if _is_name(path)}


def _is_name(path: str) -> bool:
    try:
        check_name(path)
    except PermanentError:
        return False
    return path not in (".", "..")
