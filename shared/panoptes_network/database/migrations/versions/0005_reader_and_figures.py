"""The reader creates nothing at all; the counts of the metrics come from an index."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Anyone may run a new function and make temporary tables, unless that is taken away. Who may
# write sources may make the months of their table, as before.
UPGRADE = """
CREATE INDEX images_state_reason ON images (state, reason_code);

REVOKE EXECUTE ON FUNCTION ensure_sources_partition FROM PUBLIC;
DO $$
DECLARE
    writer text;
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    FOR writer IN
        SELECT rolname FROM pg_roles
        WHERE rolname NOT LIKE 'pg\\_%' AND has_table_privilege(oid, 'sources', 'INSERT')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION ensure_sources_partition TO %I', writer);
    END LOOP;
END $$;
"""

DOWNGRADE = """
DO $$ BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END $$;
GRANT EXECUTE ON FUNCTION ensure_sources_partition TO PUBLIC;
DROP INDEX images_state_reason;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
