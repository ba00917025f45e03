"""Settings and codes: read from the environment, and each of them documented."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from panoptes_network.config import Settings, settings
from panoptes_network.errors import Reason
from panoptes_network.states import ImageState

ROOT = Path(__file__).parents[2]
CONVENTIONS = ROOT / "docs" / "conventions.md"
READMES = sorted(
    readme
    for kind in ("cf-*", "gce-*", "observations-*")
    for readme in ROOT.glob(f"{kind}/README.md")
)
FOREIGN = {"STORAGE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"}
"""Variables that Google's clients read."""


def table_rows(document: Path, first_column: str) -> dict[str, str]:
    """Return the rows of the table with this heading, by the codes in their first cell."""
    _, _, behind = document.read_text().partition(f"| {first_column} |")
    table = behind.split("\n\n", 1)[0]
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.MULTILINE)
    return {code: rest for cell, rest in rows for code in re.findall(r"`([^`]+)`", cell)}


def test_each_setting_is_documented_with_its_default() -> None:
    documented = table_rows(CONVENTIONS, "Variable")
    assert documented == {
        **{
            name.upper(): f"`{field.default}` | {field.description}".removeprefix("`` ")
            for name, field in Settings.model_fields.items()
        },
        **dict.fromkeys(FOREIGN, documented["STORAGE_EMULATOR_HOST"]),
    }


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.parent.name)
def test_a_readme_names_what_its_service_reads(readme: Path) -> None:
    named = table_rows(readme, "Environment variable").keys()
    assert named - FOREIGN == {name.upper() for name in settings_read_by(readme.parent)}


def settings_read_by(service: Path) -> set[str]:
    """Return the settings that a service's modules read, and the shared modules they import."""
    shared = ROOT / "shared" / "panoptes_network"
    modules, known = [*service.rglob("*.py")], set[Path]()
    read: set[str] = set()
    while modules:
        source = modules.pop().read_text()
        # An import over several lines, as one line.
        source = re.sub(r" import \(\s*([^)]*?),?\s*\)", _on_one_line, source)
        read |= set(re.findall(r"settings\(\)\.(\w+)", source))
        imported = re.findall(r"^from panoptes_network\.([\w.]+) import", source, re.MULTILINE)
        for package, names in re.findall(
            r"^from panoptes_network(\.[\w.]+)? import (.+)$", source, re.MULTILINE
        ):
            imported += [f"{package}.{name}".strip(".") for name in names.split(", ")]
        files = {shared / f"{name.replace('.', '/')}.py" for name in imported}
        new = {file for file in files if file.exists()} - known
        known |= new
        modules += new
    return read


def _on_one_line(names: re.Match[str]) -> str:
    return " import " + ", ".join(re.split(r",\s*", names[1]))


def test_each_reason_is_documented() -> None:
    assert table_rows(CONVENTIONS, "Reason").keys() == set(Reason)


def test_each_state_is_documented() -> None:
    assert table_rows(CONVENTIONS, "State").keys() == set(ImageState)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAW_BUCKET", "ours")
    monkeypatch.setenv("REQUEST_TIMEOUT_S", "2.5")
    monkeypatch.delenv("RAW_TOPIC", raising=False)
    read = Settings()
    assert (read.raw_bucket, read.request_timeout_s) == ("ours", 2.5)
    assert read.raw_topic == "raw-image-received"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("REQUEST_TIMEOUT_S", "soon"), ("REQUEST_TIMEOUT_S", "0"), ("SOLVE_CPU_LIMIT_S", "-1")],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError, match=variable.lower()):
        Settings()


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    before = settings()
    monkeypatch.setenv("RAW_BUCKET", "other")
    assert settings() is before
    settings.cache_clear()
    assert settings().raw_bucket == "other"
    settings.cache_clear()
