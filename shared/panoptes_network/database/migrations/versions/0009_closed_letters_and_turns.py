"""When a dead letter was found to be done, and when an image had to let others go first."""

from alembic import op

revision = "0009"
down_revision = "0011"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE dead_letters ADD closed_at timestamptz;
DROP INDEX dead_letters_waiting;
CREATE INDEX dead_letters_waiting ON dead_letters (received_at)
    WHERE replayed_at IS NULL AND closed_at IS NULL;
ALTER TABLE images ADD put_off_at timestamptz;
"""

DOWNGRADE = """
ALTER TABLE images DROP put_off_at;
DROP INDEX dead_letters_waiting;
CREATE INDEX dead_letters_waiting ON dead_letters (received_at) WHERE replayed_at IS NULL;
ALTER TABLE dead_letters DROP closed_at;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
