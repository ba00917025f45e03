"""The floor of the plate solver: the C programs that do its work, alone, on ready-made files."""

from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from unittest.mock import patch

import services  # noqa: F401
from stopwatch import Seconds, timed_program

from panoptes_network.config import settings
from panoptes_network.frames.bayer import superpixel_plane
from panoptes_network.frames.frame import read_frame
from panoptes_network.frames.header_values import clean_headers
from plate_solver import detection, external_programs, solving
from simulator import Frame

FLOOR_TWEAK_ORDER = "3"
Commands = dict[str, list[str]]


def floor_commands(frame: Frame, packed: Path, folder: Path) -> Commands:
    """Make the files that the programs start from, and return the programs' commands.

    source-extractor's and solve-field's are the plate solver's own, with its settings, hints
    and source list, written down while it runs them once. Only the order of the distortion is
    higher: here no refit follows, and with order 2 a frame's corners are off by pixels.

    Parameters
    ----------
    frame : Frame
        For the hints in its header.
    packed : Path
        The frame's file in `folder`, tile-compressed.
    folder : Path
        Where the programs run.
    """
    commands: Commands = {"funpack": ["funpack", "-O", "frame.fits", packed.name]}

    def noting(program: str, *arguments: str | Path, **how: Any) -> CompletedProcess[str]:
        commands[program] = [program, *map(str, arguments)]
        return external_programs.run(program, *arguments, **how)

    pixels = read_frame(packed)
    hint = solving.hint_from_header(clean_headers(dict(frame.header)))
    index_dir, cpu_limit_s = Path(settings().astrometry_index_dir), settings().solve_cpu_limit_s
    with patch.object(detection, "run", noting), patch.object(solving, "run", noting):
        found = detection.detect(superpixel_plane(pixels.mosaic), folder)
        solving.solve(found, pixels, hint, folder, index_dir, cpu_limit_s)
    solve_field = commands["solve-field"]
    solve_field[solve_field.index("--tweak-order") + 1] = FLOOR_TWEAK_ORDER
    return {**commands, "fpack": ["fpack", "-O", "packed.fits.fz", "frame.fits"]}


def run_floor(commands: Commands, folder: Path) -> dict[str, Seconds]:
    """Return what each program takes, one after the other."""
    for output in ("frame.fits", "packed.fits.fz"):
        (folder / output).unlink(missing_ok=True)
    return {name: timed_program(command, folder) for name, command in commands.items()}
