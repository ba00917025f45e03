"""Create and migrate the database, and grant the services their rights."""

from functools import partial

from sqlalchemy.engine import make_url

from deployment.service import writers
from local.postgres import Cluster
from local.postgres_roles import create_database, create_users
from local.state import postgres_dir
from panoptes_network.config import settings
from panoptes_network.database import roles
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.migrate import migrate


def main() -> None:
    """Create what is missing on the server in DATABASE_URL, the owner's URL."""
    port = make_url(settings().database_url).port
    if port is None:
        raise ValueError("DATABASE_URL names no port")
    cluster = Cluster(postgres_dir(), port)
    create_database(cluster)
    migrate()
    create_users(cluster, writers())
    run_transaction(partial(roles.grant, writers=writers()))


if __name__ == "__main__":
    main()
