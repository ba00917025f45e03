"""Tags that an operator gives to an observation, or takes from it."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from panoptes_network import tags
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Sequence
from panoptes_network.errors import PermanentError, Reason

Tag = Annotated[str, Field(max_length=4 * tags.MAX_CHARS), AfterValidator(tags.tag)]


class TagRequest(BaseModel):
    """Which tags a sequence gets, and which it loses; those of both lists it keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence_id: str = Field(max_length=64, pattern=r"^[^\x00]*$")
    add: list[Tag] = Field(default_factory=list, max_length=tags.MAX_TAGS)
    remove: list[Tag] = Field(default_factory=list, max_length=tags.MAX_TAGS)

    @model_validator(mode="after")
    def _says_something(self) -> "TagRequest":
        if not self.add and not self.remove:
            raise ValueError("give at least one tag to add or to remove")
        return self


def change_tags(request: TagRequest) -> dict[str, Any]:
    """Return the sequence with the tags that it has now, in their order.

    Raises
    ------
    PermanentError
        BAD_REQUEST where there is no such sequence, or its tags would be too many.
    TransientError
        When the database is away.
    """
    return run_transaction(lambda session: _change(session, request))


def _change(session: Session, request: TagRequest) -> dict[str, Any]:
    # Images that refer to the sequence may come meanwhile: only its key must stay.
    query = select(Sequence).where(Sequence.sequence_id == request.sequence_id)
    sequence = session.scalars(query.with_for_update(key_share=True)).one_or_none()
    if sequence is None:
        words = f"there is no sequence {request.sequence_id!r}"
        raise PermanentError(Reason.BAD_REQUEST, words)
    kept = (set(sequence.tags) - set(request.remove)) | set(request.add)
    if len(kept) > tags.MAX_TAGS:
        words = f"a sequence has {tags.MAX_TAGS} tags at most"
        raise PermanentError(Reason.BAD_REQUEST, words)
    sequence.tags = sorted(kept)
    return {"sequence_id": sequence.sequence_id, "tags": sequence.tags}
