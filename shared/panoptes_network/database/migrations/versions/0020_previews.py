"""The preview of an image: its picture, as wide as a page shows it; images by their arrival."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = ("cr2", "red", "green", "blue", "picture", "thumbnail")


def upgrade() -> None:
    _allow((*KINDS, "preview"))
    op.execute("CREATE INDEX images_received ON images (received_at)")


def downgrade() -> None:
    op.execute("DROP INDEX images_received")
    op.execute("DELETE FROM image_files WHERE kind = 'preview'")
    # The figures of files are counted at the end of a transaction, and a table with work left
    # cannot be altered.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _allow(KINDS)


def _allow(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("ALTER TABLE image_files DROP CONSTRAINT image_files_kind_check")
    op.execute(
        f"ALTER TABLE image_files ADD CONSTRAINT image_files_kind_check CHECK (kind IN ({listed}))"
    )
