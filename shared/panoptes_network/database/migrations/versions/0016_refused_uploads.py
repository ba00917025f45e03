"""Indexes by which refused uploads are listed, and paths compared with a part of a bucket.

Buckets list names in the order of their bytes, which is that of the collation "C".
"""

from alembic import op

revision = "0016"
down_revision = "0012"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE INDEX images_bucket_path_bytes ON images (bucket_path COLLATE "C");
CREATE INDEX image_events_refused ON image_events (event_id)
    WHERE image_id IS NULL AND reason_code IS NOT NULL;
CREATE INDEX image_events_refused_path ON image_events (bucket_path COLLATE "C")
    WHERE image_id IS NULL AND reason_code IS NOT NULL;
"""

DOWNGRADE = """
DROP INDEX image_events_refused_path;
DROP INDEX image_events_refused;
DROP INDEX images_bucket_path_bytes;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
