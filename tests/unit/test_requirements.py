"""Each service installs what it imports, in the versions of the lock."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared"
SERVICES = sorted(
    folder.name
    for pattern in ("cf-*", "gce-*", "observations-*")
    for folder in ROOT.glob(pattern)
    if (folder / "main.py").exists()
)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def _pins(path: Path) -> dict[str, str]:
    return {name.lower(): version for name, version in _PIN.findall(path.read_text())}


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _file(module: str, *roots: Path) -> Path | None:
    """Return the file of one of our own modules; None for a library's."""
    for root in roots:
        path = root.joinpath(*module.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.exists():
                return candidate
    return None


def _libraries(service: str) -> set[str]:
    """Return the libraries that a service imports, itself or through the shared package."""
    folder = ROOT / service
    waiting, seen, libraries = [folder / "main.py"], set(), set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in _imports(path):
            own = _file(module, folder, SHARED)
            if own:
                waiting.append(own)
            elif not _file(module.rpartition(".")[0] or "-", folder, SHARED):
                libraries.add(module)
    return libraries


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _distribution(module: str, pins: dict[str, str]) -> str | None:
    """Return a library's distribution; None for the standard library and `google`.

    Many distributions share the name `google`; the service's own tests import those.
    """
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "google":
        return None
    found = [name.lower().replace("_", "-") for name in _distributions().get(top, [top])]
    return next((name for name in found if name in pins), found[0])


@pytest.mark.parametrize("service", SERVICES)
def test_versions_are_those_of_the_lock(service: str) -> None:
    lock, pins = _pins(ROOT / "requirements.lock"), _pins(ROOT / service / "requirements.txt")
    assert pins
    assert {name: lock.get(name) for name in pins} == pins


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_imported_is_required(service: str) -> None:
    pins = _pins(ROOT / service / "requirements.txt")
    wanted = {_distribution(module, pins) for module in _libraries(service)} - {None}
    assert wanted <= pins.keys()


@pytest.mark.parametrize(
    "service", ["cf-bucket-upload", "cf-image-received", "cf-header-to-db", "observations-explorer"]
)
def test_a_service_that_opens_no_pixels_does_not_import_them(service: str) -> None:
    tops = {module.partition(".")[0] for module in _libraries(service)}
    assert not tops & {"astropy", "numpy", "scipy"}


def test_no_registry_is_named() -> None:
    for path in [ROOT / "requirements.lock", *ROOT.glob("*/requirements.txt")]:
        assert "://" not in path.read_text()
