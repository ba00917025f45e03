"""Indexes by which a place on the sky leads to its sources and images: zones of declination."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The zones algorithm (Gray, Szalay et al. 2004, MSR-TR-2004-32): within a zone, a tenth of a
# degree of declination, right ascension is an interval. `floor` stays a float: a centre that is
# no number has a zone that nothing is compared equal to, where a cast would refuse the row.
# A partition of sources gets the index of its parent. Of an index with a condition, the planner
# would not use what it knows of the expression's values.
UPGRADE = """
CREATE INDEX sources_zone ON sources (floor(dec_deg * 10), ra_deg);
CREATE INDEX images_zone ON images (floor(dec_deg * 10), ra_deg);
CREATE INDEX images_time ON images (time, image_key);
"""

DOWNGRADE = """
DROP INDEX images_time;
DROP INDEX images_zone;
DROP INDEX sources_zone;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
