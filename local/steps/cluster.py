"""Create the PostgreSQL cluster."""

import sys

from local.postgres import Cluster
from local.state import postgres_dir

if __name__ == "__main__":
    try:
        Cluster(postgres_dir(), port=0).create()
    except RuntimeError as error:
        sys.exit(f"PostgreSQL: {error}")
