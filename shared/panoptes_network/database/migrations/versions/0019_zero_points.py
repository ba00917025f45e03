"""The photometric zero point of an image."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE images ADD COLUMN zero_point_mag double precision")


def downgrade() -> None:
    op.execute("ALTER TABLE images DROP COLUMN zero_point_mag")
