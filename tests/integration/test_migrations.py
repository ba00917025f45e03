"""The migrations make what the models describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from panoptes_network.database.migrate import migrate
from panoptes_network.database.models import Base


def _is_partition(difference: object) -> bool:
    return isinstance(difference, tuple) and difference[0] in ("remove_index", "remove_table")


def test_models_and_migrations_agree(db: Engine) -> None:
    with db.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    assert [d for d in differences if not _is_partition(d)] == []


def test_migrating_again_changes_nothing(db: Engine) -> None:
    migrate()
    with db.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1


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
