"""The migrations make what the models describe."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from panoptes_network.database import engine
from panoptes_network.database.metadata import METADATA
from panoptes_network.database.migrate import alembic_config, migrate


def _is_partition(difference: object) -> bool:
    return isinstance(difference, tuple) and difference[0] in ("remove_index", "remove_table")


def test_models_and_migrations_agree(db: Engine) -> None:
    with db.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
    assert [d for d in differences if not _is_partition(d)] == []


def test_migrating_again_changes_nothing(db: Engine) -> None:
    migrate()
    with db.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1


REVISION = """
from alembic import op
revision, down_revision = {revision!r}, {before!r}
def upgrade():
    op.execute({statement!r})
"""


def test_a_migration_may_take_long_and_stands_though_the_next_one_fails(
    bare_database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = None
    for revision, statement in (("1", "SELECT pg_sleep(3)"), ("2", "SELECT 1 / 0")):
        words = REVISION.format(revision=revision, before=before, statement=statement)
        (tmp_path / f"{revision}.py").write_text(words)
        before = revision
    config = alembic_config()
    config.set_main_option("version_locations", str(tmp_path))
    monkeypatch.setattr(engine, "STATEMENT_TIMEOUT_S", 1)
    monkeypatch.setattr(engine, "ANSWER_TIMEOUT_S", 2)
    with pytest.raises(DBAPIError, match="division by zero"):
        command.upgrade(config, "head")
    with bare_database.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "1"


COLUMNS = """
SELECT table_name, column_name, data_type,
    is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES'
    OR is_generated = 'ALWAYS' AS may_be_left_out
FROM information_schema.columns
WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""


def _columns(engine: Engine) -> dict[tuple[str, str], tuple[str, bool]]:
    """Return type of each table's columns, and whether a new row may do without a value."""
    with engine.connect() as connection:
        rows = connection.execute(text(COLUMNS)).all()
    return {(row.table_name, row.column_name): (row.data_type, row.may_be_left_out) for row in rows}


def test_services_of_the_version_before_can_work_with_each_migration(
    bare_database: Engine,
) -> None:
    """While a version is deployed, the services of the last one read and write its tables."""
    revisions = list(ScriptDirectory.from_config(alembic_config()).walk_revisions())[::-1]
    assert len(revisions) > 1
    before: dict[tuple[str, str], tuple[str, bool]] = {}
    for revision in revisions:
        migrate(revision.revision)
        now = _columns(bare_database)
        for column, (kind, may_be_left_out) in before.items():
            assert now[column][0] == kind, (revision.revision, column)
            assert now[column][1] or not may_be_left_out, (revision.revision, column)
        tables = {table for table, _ in before}
        needed = {c for c in now.keys() - before.keys() if c[0] in tables and not now[c][1]}
        assert not needed, (revision.revision, needed)
        before = now


def test_partition_is_made_once_per_month(db: Engine) -> None:
    with db.begin() as connection:
        for day in ("2016-09-30 23:59:59Z", "2016-09-01 00:00:00Z", "2016-10-01 00:00:00Z"):
            connection.execute(text("SELECT ensure_sources_partition(:at)"), {"at": day})
        names = connection.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'sources'::regclass"
            )
        ).all()
    assert {"sources_201609", "sources_201610"} <= set(names)
