"""The import rules of docs/architecture.md, and names of modules in strings and documents."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from deployment.service import deployments

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "panoptes_network",
    "plate_solver",
    "light_curves",
    "observations_data",
    "observations_explorer",
)
SERVICES = sorted(deployments())
OF_EACH_SERVICE = {"main", "health_check"}
"""Programs that are started, not imported; each service has its own of the same name."""

TEXT_SUFFIXES = {".py", ".md", ".toml", ".cfg", ".sh", ".mako", ".yml", ".yaml", ".html", ".tf", ""}
SETTINGS_OF_POCS = {"panoptes_network.buckets.upload", "panoptes_network.service_account_key"}
"""Settings of a program on the units, in a group that is called like our package."""
DOTTED = re.compile(rf"(?<![\w./-])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
IS_FILE_NAME = re.compile(r"\.(csv|fits|html|json|md|npz|parquet|png|py|svg|toml)$")
MODULE_PATH = re.compile(rf"(?<![\w.-])(?:(?:[\w-]+/)*)(?:{'|'.join(PACKAGES)})/[\w/]+\.py(?!\w)")


def test_imports_keep_the_rules() -> None:
    # In a process of its own: it sets up logging, which switches off the loggers of all others.
    program = Path(sys.executable).with_name("lint-imports")
    folders = [str(ROOT / folder) for folder in ("shared", *SERVICES)]
    linted = subprocess.run(
        [program, "--no-cache"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_other(service: str) -> None:
    others = {name for other in SERVICES if other != service for name in _modules(other)}
    assert others
    for path in (ROOT / service).rglob("*.py"):
        assert not _imported(path) & (others - _modules(service)), path


def test_shared_imports_no_service() -> None:
    services = {name for service in SERVICES for name in _modules(service)}
    for path in (ROOT / "shared").rglob("*.py"):
        assert not _imported(path) & services, path


def test_each_name_of_a_module_leads_to_one() -> None:
    names = {(name, path) for path in _texts() for name in _dotted_names(path)}
    assert len(names) > 50
    names = {(name, path) for name, path in names if name not in SETTINGS_OF_POCS}
    assert not [(name, path) for name, path in sorted(names) if not _exists(name)]


def test_each_path_of_a_module_leads_to_one() -> None:
    paths = {(path, text) for text in _texts() for path in MODULE_PATH.findall(text.read_text())}
    assert len(paths) > 5
    folders = (ROOT, ROOT / "shared", *(ROOT / service for service in SERVICES))
    assert not [
        (path, text)
        for path, text in sorted(paths)
        if not any((folder / path).is_file() for folder in (*folders, text.parent))
    ]


@pytest.mark.parametrize(
    "name",
    [
        "panoptes_network.nowhere",
        "panoptes_network.storage.find_nothing",
        "plate_solver.worker.SERVICE.nothing",
    ],
)
def test_a_name_that_leads_nowhere_is_found(name: str) -> None:
    assert not _exists(name)


def _modules(service: str) -> set[str]:
    """Return the names that a service's folder gives to the import of whoever runs there."""
    folder = ROOT / service
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return packages | {path.stem for path in folder.glob("*.py")} - OF_EACH_SERVICE


def _imported(path: Path) -> set[str]:
    """Return the first part of each name that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@cache
def _texts() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [
        path
        for path in paths
        if path.suffix in TEXT_SUFFIXES and path.is_file() and path != Path(__file__)
    ]


def _dotted_names(path: Path) -> Iterator[str]:
    """Give the dotted names of modules in a file's strings, comments, words, and imports."""
    text = path.read_text()
    if path.suffix != ".py":
        yield from (name for name in DOTTED.findall(text) if not IS_FILE_NAME.search(name))
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = DOTTED.findall(node.value)
            yield from (name for name in found if not IS_FILE_NAME.search(name))
    for comment in re.findall(r"(?m)#.*$", text):
        yield from DOTTED.findall(comment)


@cache
def _exists(name: str) -> bool:
    """Return whether a dotted name is that of a module, or of something in one."""
    module, rest = name, list[str]()
    while not _is_module(module):
        module, _, last = module.rpartition(".")
        rest.insert(0, last)
    thing: object = import_module(module) if rest else None
    for part in rest:
        if not hasattr(thing, part) and part not in getattr(thing, "__annotations__", {}):
            return False
        thing = getattr(thing, part, None)
    return True


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
