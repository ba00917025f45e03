"""Start of the scripts in this folder: --help, and pipes that close early."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "shared"))

from panoptes_network.closed_pipe import outlive_reader


def begin(description: str | None, *arguments: str) -> None:
    """Check the command line: these positional arguments, or --help, which ends the script."""
    outlive_reader()
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    for argument in arguments:
        parser.add_argument(argument)
    parser.parse_args()
