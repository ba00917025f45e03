"""Build the workers' images and process simulated frames in them: `make container-check`.

Each runs in a network of its own. Needs root and debootstrap; takes some minutes for each. Prints
what it measures, ends with 1 when something is not as it should be.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from deployment.service import ROOT
from deployment.stage import stage as stage_service
from tests.conftest import free_port
from tests.container import check_light_curves, check_plate_solver
from tests.container.build import Builder, make_base, size_mb
from tests.container.container import Container
from tests.container.network import running

STOP_S = 25
"""A spot machine is told thirty seconds before it vanishes."""

CHECKS = {
    "gce-plate-solver": check_plate_solver.check,
    "gce-light-curves": check_light_curves.check,
}


def main() -> int:
    """Check the named workers, or all; return the exit status."""
    parser = argparse.ArgumentParser(prog="tests.container", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help=f"any of {', '.join(CHECKS)}"
    )
    services = parser.parse_args().services or list(CHECKS)
    if unknown := set(services) - set(CHECKS):
        parser.error(f"no worker is called {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="container-") as folder:
        work = Path(folder)
        work.chmod(0o711)  # PostgreSQL is another user
        make_base(work / "base", _tell)
        passed = [_is_passed(service, work) for service in services]
    return 0 if all(passed) else 1


def _is_passed(service: str, work: Path) -> bool:
    _tell(service)
    container = _built(service, work)
    with running(container, work / service / "network"):
        is_passed = CHECKS[service](container, STOP_S)
    _tell(f"{service}: {'passed' if is_passed else 'FAILED'}")
    return is_passed


def _built(service: str, work: Path) -> Container:
    folder = work / service
    folder.mkdir(mode=0o711)
    builder = Builder(stage_service(service), work / "base", folder, _tell)
    stage, root = builder.build(ROOT / service / "Dockerfile")
    _tell(f"the image: {size_mb(root):.0f} MB, user {stage.user}, {stage.entry_point}")
    volume = folder / "volume"
    volume.mkdir()
    volume.chmod(0o1777)
    return Container(service, root, volume, free_port())


def _tell(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
