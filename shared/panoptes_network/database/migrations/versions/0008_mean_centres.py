"""The mean centre of each sequence as columns of their own, and an index by declination.

The statistics of the column tell the planner how many sequences a cone may hold.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE sequence_figures
    ADD ra_deg double precision GENERATED ALWAYS AS (
        CASE WHEN n_centres > 0 THEN
            CASE WHEN atan2d(sum_y, sum_x) < 0 THEN 360 ELSE 0 END + atan2d(sum_y, sum_x)
        END) STORED,
    ADD dec_deg double precision GENERATED ALWAYS AS (
        CASE WHEN n_centres > 0 THEN atan2d(sum_z, sqrt(sum_x * sum_x + sum_y * sum_y)) END
    ) STORED;
CREATE INDEX sequence_figures_dec ON sequence_figures (dec_deg);
"""

DOWNGRADE = """
ALTER TABLE sequence_figures DROP ra_deg, DROP dec_deg;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
