"""Takes the steps of a Dockerfile in folders that debootstrap made: no container engine needed."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.container.container import CHROOT
from tests.container.dockerfile import Stage, Step, stages

RELEASE = "bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Tell = Callable[[str], object]


class Builder:
    """Makes the images of a Dockerfile, each a folder below `work`.

    Parameters
    ----------
    context : Path
        What COPY copies from.
    base : Path
        The folder that `make_base` made.
    work : Path
    tell : callable
        Gets one line about each step.
    """

    def __init__(self, context: Path, base: Path, work: Path, tell: Tell) -> None:
        self._context, self._base, self._work, self._tell = context, base, work, tell

    def build(self, dockerfile: Path) -> tuple[Stage, Path]:
        """Take all steps and return the last image with its folder."""
        found = stages(dockerfile)
        for number, stage in enumerate(found):
            stage.name = stage.name or f"stage{number}"
            self._build(stage)
        root = self._work / found[-1].name
        # An engine gives each container a file system for shared memory, open to its user.
        (root / "dev/shm").mkdir(exist_ok=True)
        (root / "dev/shm").chmod(0o1777)
        return found[-1], root

    def _build(self, stage: Stage) -> None:
        root = self._work / stage.name
        subprocess.run(["cp", "-a", str(self._base), str(root)], check=True)
        take = {"RUN": self._run, "COPY": self._copy}
        for step in stage.steps:
            if step.word in take:
                words = f"{step.word} {step.rest}"
                _time(words, partial(take[step.word], root, step), self._tell)

    def _run(self, root: Path, step: Step) -> None:
        with _outside(root):
            command = [CHROOT, str(root), "/bin/sh", "-ec", step.rest]
            environment = {
                "PATH": ROOT_PATH, "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root",
                **{name: value for name, value in os.environ.items() if "proxy" in name.lower()},
                "PIP_CERT": str(CERTIFICATES),
            }  # fmt: skip
            done = subprocess.run(
                command, check=False, env=environment, capture_output=True, text=True
            )
        if done.returncode:
            raise RuntimeError(f"{step.rest}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _copy(self, root: Path, step: Step) -> None:
        option, words = "", step.rest.split()
        if words[0].startswith("--from="):
            option, *words = words
        here = self._work / option.removeprefix("--from=") if option else self._context
        source = here / words[0].lstrip("/")
        target = root / words[1].lstrip("/")
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)


def make_base(folder: Path, tell: Tell) -> None:
    """Make the folder that stands for the base image of every Dockerfile here."""
    command = ["debootstrap", "--variant=minbase", RELEASE, str(folder)]
    make = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
    _time("debootstrap", make, tell)


def _time(words: str, take: Callable[[], object], tell: Tell) -> None:
    began = time.monotonic()
    take()
    tell(f"{time.monotonic() - began:6.1f} s  {' '.join(words.split())[:90]}")


@contextmanager
def _outside(root: Path) -> Iterator[None]:
    """Let a step reach the network as this machine does; the image does not keep how."""
    lent = [Path("/etc/resolv.conf"), Path("/etc/hosts"), CERTIFICATES]
    made = []
    for file in filter(Path.exists, lent):
        copy = root / str(file).lstrip("/")
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
            made.append(copy)
    try:
        yield
    finally:
        for copy in made:
            copy.unlink()


def size_mb(root: Path) -> float:
    """Return what a folder holds, in megabytes (10^6 bytes)."""
    du = ["du", "--summarize", "--bytes", str(root)]
    said = subprocess.run(du, check=True, text=True, stdout=subprocess.PIPE).stdout
    return int(said.split()[0]) / 1e6
