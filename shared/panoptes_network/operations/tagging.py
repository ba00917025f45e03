"""Tags that an operator adds to an observation or removes from it."""

from typing import Annotated, TypedDict

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from panoptes_network import tags
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Sequence
from panoptes_network.errors import PermanentError, Reason

Tag = Annotated[str, Field(max_length=4 * tags.MAX_CHARS), AfterValidator(tags.tag)]


class Tagged(TypedDict):
    """A sequence with its tags, in order."""

    sequence_id: str
    tags: list[str]


class TagRequest(BaseModel):
    """Tags to add to a sequence and tags to remove; tags in both lists are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence_id: str = Field(max_length=64, pattern=r"^[^\x00]*$")
    add: list[Tag] = Field(default_factory=list, max_length=tags.MAX_TAGS)
    remove: list[Tag] = Field(default_factory=list, max_length=tags.MAX_TAGS)

    @model_validator(mode="after")
    def _says_something(self) -> "TagRequest":
        if not self.add and not self.remove:
            raise ValueError("give at least one tag to add or to remove")
        return self


def change_tags(request: TagRequest) -> Tagged:
    """Return the sequence with its current tags, in order.

    Raises
    ------
    PermanentError
        BAD_REQUEST if the sequence does not exist or would have too many tags.
    TransientError
        If the database is unavailable.
    """
    return run_transaction(lambda session: _change(session, request))


def _change(session: Session, request: TagRequest) -> Tagged:
    # Images of the sequence may be inserted meanwhile: lock only against changes of its key.
    query = select(Sequence).where(Sequence.sequence_id == request.sequence_id)
    sequence = session.scalars(query.with_for_update(key_share=True)).one_or_none()
    if sequence is None:
        words = f"unknown sequence: {request.sequence_id!r}"
        raise PermanentError(Reason.BAD_REQUEST, words)
    kept = (set(sequence.tags) - set(request.remove)) | set(request.add)
    if len(kept) > tags.MAX_TAGS:
        words = f"a sequence can have at most {tags.MAX_TAGS} tags"
        raise PermanentError(Reason.BAD_REQUEST, words)
    sequence.tags = sorted(kept)
    return {"sequence_id": sequence.sequence_id, "tags": sequence.tags}
