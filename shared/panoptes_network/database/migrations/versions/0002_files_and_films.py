"""Files of images beside the frame and its solved copy; films of sequences."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE image_files (
    bucket text NOT NULL,
    path text NOT NULL,
    image_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('cr2', 'red', 'green', 'blue', 'picture', 'thumbnail')),
    generation bigint NOT NULL,
    source_path text NOT NULL,
    source_generation bigint NOT NULL,
    n_bytes bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, path)
);
CREATE INDEX image_files_image ON image_files (image_id);

ALTER TABLE images ADD from_cr2 boolean NOT NULL DEFAULT false;

CREATE INDEX images_updated ON images (updated_at);

ALTER TABLE sequences
    ADD film_path text,
    ADD film_frames integer,
    ADD film_images integer,
    ADD film_generation bigint,
    ADD film_reason text;
CREATE INDEX sequences_film ON sequences (film_path) WHERE film_path IS NOT NULL;
"""

DOWNGRADE = """
ALTER TABLE sequences
    DROP film_path, DROP film_frames, DROP film_images, DROP film_generation, DROP film_reason;
DROP INDEX images_updated;
ALTER TABLE images DROP from_cr2;
DROP TABLE image_files;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
