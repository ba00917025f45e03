"""Products under a path that their image or sequence has left: what the sweep is to delete."""

from alembic import op

revision = "0017"
down_revision = "0013"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE superseded_objects (
    bucket text NOT NULL,
    path text NOT NULL,
    subject text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, path)
);
"""

DOWNGRADE = """
DROP TABLE superseded_objects;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
