"""Make the PostgreSQL cluster."""

from local import postgres
from local.state import postgres_dir

if __name__ == "__main__":
    postgres.create_cluster(postgres_dir())
