"""Dependencies of the plate solver in addition to every worker's: programs and index files."""

from pathlib import Path

from panoptes_network.config import settings
from panoptes_network.errors import TransientError
from panoptes_network.worker import dependencies
from plate_solver import external_programs


def check_solver() -> None:
    """Check that the programs and the solver's index files are installed."""
    missing = external_programs.missing()
    if missing:
        raise TransientError(external_programs.missing_message(missing))
    folder = Path(settings().astrometry_index_dir)
    if not any(folder.glob("index*")):
        raise TransientError(f"no index files of astrometry.net in {folder}")


CHECKS = {**dependencies.CHECKS, "solver": check_solver}
