"""The star catalog of a first run."""

import subprocess
import sys

from rich.console import Console
from sqlalchemy import select

from local.state import NetworkError
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import CatalogStar


def load(console: Console) -> None:
    """Load the embedded star catalog into a database without stars.

    Raises
    ------
    NetworkError
        If it cannot be loaded; the loader has printed the reason.
    """
    first = select(CatalogStar.picid).limit(1)
    if run_transaction(lambda session: session.scalar(first)) is not None:
        return
    console.print("loading the star catalog (once)")
    loader = [sys.executable, "-m", "panoptes_network.catalog.cli", "gaia"]
    if subprocess.run(loader, check=False).returncode:
        raise NetworkError("the star catalog was not loaded")
