"""What is uploaded for a service: all that it needs, nothing else, the same each time."""

import re
import shutil
from pathlib import Path

import pytest

from deployment import stage as staging
from deployment.service import ROOT, deployments
from deployment.stage import StageError, stage, version


@pytest.fixture(autouse=True)
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "BUILD", tmp_path / "build")


@pytest.mark.parametrize("service", deployments())
def test_a_staged_folder_is_complete(service: str) -> None:
    folder = stage(service)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"main.py", "requirements.txt", ".gcloudignore"} <= files
    assert "panoptes_network/database/migrations/versions/0001_first_tables.py" in files
    own = {p.name for p in (ROOT / service).glob("*.py")}
    assert own <= files
    left_out = re.compile(r"\.pyc$|__pycache__|node_modules|README|deploy\.toml")
    assert [name for name in files if left_out.search(name)] == []
    assert [path for path in folder.rglob("*") if path.is_symlink()] == []


def test_the_same_files_make_the_same_folder(tmp_path: Path) -> None:
    first = stage("cf-bucket-upload")
    moved = first.rename(tmp_path / "first")
    second = stage("cf-bucket-upload")
    assert version(moved) == version(second)
    assert _listing(moved) == _listing(second)
    (second / "main.py").write_text("")
    assert version(moved) != version(second)


def _listing(folder: Path) -> list[tuple[str, int, float]]:
    return sorted(
        (str(path.relative_to(folder)), path.stat().st_mode, path.stat().st_mtime)
        for path in folder.rglob("*")
    )


@pytest.mark.parametrize("service", deployments())
def test_every_requirement_has_its_hashes(service: str) -> None:
    wanted = re.findall(r"^[\w.-]+==\S+", (ROOT / service / "requirements.txt").read_text(), re.M)
    staged = (stage(service) / "requirements.txt").read_text()
    blocks = re.split(r"\n(?=\S)", staged.strip())
    assert [block.split()[0].rstrip(";") for block in blocks] == wanted
    assert all("--hash=sha256:" in block for block in blocks)


def test_what_is_started_is_said_where_the_platform_does_not_know() -> None:
    said = {
        service: file.read_text().strip()
        for service in deployments()
        if (file := stage(service) / "Procfile").exists()
    }
    assert said == {
        "job-migrate": "web: python main.py",
        "observations-data": "web: python -m panoptes_network.web.server --host 0.0.0.0"
        " --port $PORT --threads 24",
        "observations-explorer": "web: python -m panoptes_network.web.server --host 0.0.0.0"
        " --port $PORT --threads 40",
    }


@pytest.fixture
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which one may do damage."""
    for name in ("observations-explorer", "cf-bucket-upload"):
        ignored = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    monkeypatch.setattr(staging, "ROOT", tmp_path)
    return tmp_path


def test_a_symbolic_link_is_refused(own_root: Path) -> None:
    (own_root / "cf-bucket-upload" / "shared").symlink_to(ROOT / "shared")
    with pytest.raises(StageError, match="shared is a symbolic link"):
        stage("cf-bucket-upload")


def test_pages_without_their_scripts_are_refused(own_root: Path) -> None:
    shutil.rmtree(
        own_root / "observations-explorer/observations_explorer/static/vendor", ignore_errors=True
    )
    with pytest.raises(StageError, match=r"vendor lacks .*uplot: run local/setup"):
        stage("observations-explorer")


def test_a_service_that_there_is_not() -> None:
    with pytest.raises(StageError, match="unknown service cf-nothing"):
        stage("cf-nothing")
