"""The preview of an image: its picture, as wide as a page shows it."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = ("cr2", "red", "green", "blue", "picture", "thumbnail")


def upgrade() -> None:
    _allow((*KINDS, "preview"))


def downgrade() -> None:
    op.execute("DELETE FROM image_files WHERE kind = 'preview'")
    _allow(KINDS)


def _allow(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("ALTER TABLE image_files DROP CONSTRAINT image_files_kind_check")
    op.execute(
        f"ALTER TABLE image_files ADD CONSTRAINT image_files_kind_check CHECK (kind IN ({listed}))"
    )
