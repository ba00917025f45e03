"""The main job, from the outside: images go in, and a table of results is shown."""

import tempfile
from pathlib import Path

from rich.console import Console

from local.follow import Followed, results_table, upload_and_follow
from local.images import SIMULATED_FRAMES, simulated_observation
from local.own_files import Chosen, Given, choose, matching_files
from local.products import film_sequences, wait_for_products
from local.state import NetworkError


def process_simulation(console: Console) -> bool:
    """Process a short simulated observation and show the results.

    Returns
    -------
    bool
        Whether every image has its stamps.
    """
    console.print("a simulated unit takes and uploads a short observation")
    with tempfile.TemporaryDirectory() as folder:
        images = simulated_observation(Path(folder))
        return _show(upload_and_follow(images, SIMULATED_FRAMES, console), console)


def choose_files(pattern: str, given: Given, console: Console) -> Chosen:
    """Return the matching files that can be uploaded; print why others cannot.

    Raises
    ------
    NetworkError
        If no file matches, or no matching file can be uploaded.
    """
    files = matching_files(pattern)
    if not files:
        raise NetworkError(f"no file matches {pattern!r}")
    chosen = choose(files, given)
    for file, words in chosen.left_out:
        _say(console, f"skipped {file}: {words}")
    if not chosen.images:
        raise NetworkError(f"none of the {len(files)} files can be uploaded: see above")
    return chosen


def process_files(chosen: Chosen, console: Console) -> bool:
    """Process files and show the results.

    Returns
    -------
    bool
        Whether no file was skipped, and all images have their stamps.
    """
    followed = upload_and_follow(chosen.images, len(chosen.images), console)
    succeeded = _show(followed, console)
    n_through, n_left_out = sum(one.succeeded for one in followed), len(chosen.left_out)
    n_files = len(chosen.images) + n_left_out
    _say(console, f"{n_through} of {n_files} files were processed, {n_left_out} were skipped")
    return succeeded and not n_left_out


def _show(followed: list[Followed], console: Console) -> bool:
    with console.status("waiting for the pictures"):
        lacking = wait_for_products(followed)
    console.print(results_table(followed))
    for name in lacking:
        _say(console, f"some pictures of {name} are missing, see `make logs`")
    with console.status("making the film"):
        for line in film_sequences(followed):
            _say(console, line)
    failed = [one for one in followed if not one.succeeded]
    for one in failed:
        why = one.reason or "it made no progress, see `make logs`"
        _say(console, f"{one.name} is {one.state}: {why}")
    return not failed and not lacking


def _say(console: Console, line: str) -> None:
    """Print a line literally: names and reasons may contain markup for rich."""
    console.print(line, markup=False, soft_wrap=True)
