"""Objects that rows name and that their bucket has no more: what is not to be offered.

A table of its own, which the sweep writes: a change of an image's row would count as news of the
image, and its film would be made again.
"""

from alembic import op

revision = "0015"
down_revision = "0009"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE gone_objects (
    bucket text NOT NULL,
    path text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, path)
);
CREATE INDEX image_files_cr2_path_bytes ON image_files (path COLLATE "C") WHERE kind = 'cr2';
"""

DOWNGRADE = """
DROP INDEX image_files_cr2_path_bytes;
DROP TABLE gone_objects;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
