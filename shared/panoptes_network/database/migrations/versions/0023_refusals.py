"""Refused files by their time: the nights of the newest are asked for every few minutes."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX image_events_refused_at ON image_events (at)"
        " WHERE image_id IS NULL AND reason_code IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX image_events_refused_at")
