"""Files of an image besides its frame and its solved copy."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.models import ImageFile
from panoptes_network.database.superseded import leave_superseded, lock_files
from panoptes_network.provenance import Origin
from panoptes_network.states import FileKind
from panoptes_network.storage import StoredObject


def record_file(session: Session, kind: FileKind, stored: StoredObject, origin: Origin) -> None:
    """Record that an image has this file; an older generation of the object changes nothing.

    If two uploads are in different folders, only the files of the newer one are kept.
    """
    lock_files(session, origin.image_id)
    new = insert(ImageFile).values(
        bucket=stored.bucket,
        path=stored.path,
        image_id=origin.image_id,
        kind=kind,
        generation=stored.generation,
        source_path=origin.path,
        source_generation=origin.generation,
        n_bytes=stored.size,
    )
    keys = ("bucket", "path")
    columns = {c.name: c for c in new.excluded if c.name not in (*keys, "updated_at")}
    session.execute(
        new.on_conflict_do_update(
            index_elements=keys,
            set_={**columns, "updated_at": func.now()},
            where=ImageFile.generation < new.excluded.generation,
        )
    )
    leave_superseded(session, origin.image_id)
