"""Make `build/SERVICE/`: exactly the files that are uploaded for a service, the same each time."""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from deployment.service import ROOT, Deployment, Kind, deployments
from panoptes_network.commands import Program
from panoptes_network.web.admission import SPARE_THREADS

BUILD = ROOT / "build"
PACKAGE = ROOT / "shared" / "panoptes_network"
LOCK = ROOT / "requirements.lock"

LEFT_OUT = frozenset(
    {
        *("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "node_modules"),
        *("README.md", "deploy.toml", "requirements.txt", ".gcloudignore"),
        *("package.json", "package-lock.json", ".npmrc"),
    }
)
"""Names of files and folders that a service does not need, or that are written again."""

MODIFIED_S = 1577836800
"""Time of every staged file, 2020-01-01: what is uploaded does not depend on the checkout's."""

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+==[^\s;\\]+)")


_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


class StageError(Exception):
    """A service cannot be staged as it is; the words say what to do."""


def stage(service: str) -> Path:
    """Write a service's folder under `build` from the start, and return it.

    It holds the service's own files, the package `panoptes_network`, `requirements.txt` with
    the hashes of the lock, a `Procfile` where the platform would not know what to start, and a
    `.gcloudignore` that keeps nothing back.

    Raises
    ------
    StageError
        For an unknown service, a symbolic link, which the upload would silently omit, and
        pages' scripts that were not fetched.
    """
    if service not in deployments():
        raise StageError(f"unknown service {service}; known are {', '.join(deployments())}")
    source, target = ROOT / service, BUILD / service
    _check_vendor(source)
    shutil.rmtree(target, ignore_errors=True)
    _copy(source, target)
    _copy(PACKAGE, target / PACKAGE.name)
    for name, text in _written(source, deployments()[service]):
        (target / name).write_text(text)
    _settle(target)
    return target


def version(staged: Path) -> str:
    """Return twelve hex digits of a hash over all names and contents of a staged folder."""
    digest = hashlib.sha256()
    for file in sorted(path for path in staged.rglob("*") if path.is_file()):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(staged)}\0{content}\n".encode())
    return digest.hexdigest()[:12]


def check_base_images(staged: Path) -> None:
    """Raise StageError where a container's base image is not named by its digest.

    Whoever can move a tag would otherwise choose what runs with the worker's rights.
    """
    text = (staged / "Dockerfile").read_text()
    bases = re.findall(r"^FROM\s+(\S+)", text, re.MULTILINE)
    loose = [base for base in bases if not _DIGEST.search(base)]
    if loose or not bases:
        raise StageError(f"{', '.join(loose)} has no digest: run bin/pin-base-image and commit")


def _written(source: Path, deployment: Deployment) -> Iterator[tuple[str, str]]:
    yield "requirements.txt", _hashed((source / "requirements.txt").read_text())
    yield ".gcloudignore", "# All that is staged is uploaded.\n"
    if deployment.kind is Kind.WEB:
        n_threads = deployment.concurrency + SPARE_THREADS
        options = f"--host 0.0.0.0 --port $PORT --threads {n_threads}"
        yield "Procfile", f"web: python -m panoptes_network.web.server {options}\n"
    if deployment.kind is Kind.JOB:
        yield "Procfile", "web: python main.py\n"


def _hashed(requirements: str) -> str:
    """Return the lines of a service's requirements, each with its hashes from the lock."""
    known = _hashes()
    lines = [
        line + "".join(f" \\\n    {digest}" for digest in known[found["name"]])
        for line in requirements.splitlines()
        if (found := _PIN.match(line))
    ]
    return "\n".join(lines) + "\n"


def _hashes() -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    name = ""
    for line in LOCK.read_text().splitlines():
        if found := _PIN.match(line):
            name = found["name"]
            known[name] = []
        known.setdefault(name, []).extend(re.findall(r"--hash=\S+", line))
    return known


def _check_vendor(source: Path) -> None:
    """Make sure that the scripts are there which the pages load, and git does not keep."""
    wanted = source / "package.json"
    if not wanted.exists():
        return
    packages = json.loads(wanted.read_text()).get("dependencies", {})
    vendor = source / source.name.replace("-", "_") / "static" / "vendor"
    missing = [name for name in packages if not any((vendor / name).glob("*"))]
    if missing:
        raise StageError(f"{vendor} lacks {', '.join(missing)}: run local/setup, which fetches it")


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for entry in sorted(source.iterdir()):
        if entry.name in LEFT_OUT:
            continue
        if entry.is_symlink():
            raise StageError(f"{entry} is a symbolic link: replace it by the files themselves")
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            shutil.copyfile(entry, target / entry.name)


def _settle(target: Path) -> None:
    for path in [*target.rglob("*"), target]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (MODIFIED_S, MODIFIED_S))


@click.command(cls=Program)
@click.argument("services", nargs=-1, required=True)
def main(services: tuple[str, ...]) -> None:
    """Stage SERVICES, or `all`, and print each folder with its version."""
    for service in deployments() if services == ("all",) else services:
        try:
            folder = stage(service)
        except StageError as error:
            sys.exit(f"stage: {error}")
        click.echo(f"{folder.relative_to(ROOT)} {version(folder)}")


if __name__ == "__main__":
    main()
