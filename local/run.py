"""The main job, seen from the outside: images go in, and a table of what came out is shown."""

import tempfile
from pathlib import Path

from rich.console import Console

from local.follow import Followed, results_table, upload_and_follow
from local.images import SIMULATED_FRAMES, matching_files, name_image, simulated_observation
from local.products import film_sequences, wait_for_products
from local.state import NetworkError
from panoptes_network.errors import PermanentError


def process_simulation(console: Console) -> bool:
    """Put a short simulated observation through the network and show what came out.

    Returns
    -------
    bool
        Whether every image came all the way to its stamps.
    """
    console.print("a simulated unit takes and uploads a short observation")
    with tempfile.TemporaryDirectory() as folder:
        images = simulated_observation(Path(folder))
        return _show(upload_and_follow(images, SIMULATED_FRAMES, console), console)


def process_files(pattern: str, console: Console) -> bool:
    """Put the files that match a shell pattern through the network and show what came out.

    Returns
    -------
    bool
        Whether there were images, and all came all the way to their stamps. Files that are no
        image, or do not say which, are told and left out.

    Raises
    ------
    NetworkError
        When no file matches.
    """
    files = matching_files(pattern)
    if not files:
        raise NetworkError(f"no file matches {pattern!r}")
    images = []
    for file in files:
        try:
            images.append(name_image(file))
        except PermanentError as error:
            _say(console, f"left out {file}: {error.message}")
        except OSError as error:
            _say(console, f"left out {file}: {error.strerror}")
    return _show(upload_and_follow(images, len(images), console), console)


def _show(followed: list[Followed], console: Console) -> bool:
    if not followed:
        _say(console, "there was no image to process")
        return False
    with console.status("waiting for the pictures"):
        lacking = wait_for_products(followed)
    console.print(results_table(followed))
    for name in lacking:
        _say(console, f"some pictures of {name} are not there, see `make logs`")
    with console.status("making the film"):
        for line in film_sequences(followed):
            _say(console, line)
    failed = [one for one in followed if not one.succeeded]
    for one in failed:
        why = one.reason or "nothing more has happened to it, see `make logs`"
        _say(console, f"{one.name} is {one.state}: {why}")
    return not failed and not lacking


def _say(console: Console, line: str) -> None:
    """Print a line as it is: names and reasons may hold what rich reads as markup."""
    console.print(line, markup=False, soft_wrap=True)
