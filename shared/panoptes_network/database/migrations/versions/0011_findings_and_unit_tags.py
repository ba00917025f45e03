"""Findings about an image's header, and the tags that a unit gave to a sequence."""

from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE images ADD header_findings jsonb NOT NULL DEFAULT '{}';
ALTER TABLE sequences ADD unit_tags text[] NOT NULL DEFAULT '{}';
"""

DOWNGRADE = """
ALTER TABLE sequences DROP unit_tags;
ALTER TABLE images DROP header_findings;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
