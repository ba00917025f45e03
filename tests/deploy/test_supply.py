"""What a release is made of: listed, locked, pinned and kept new."""

import json
import re
import subprocess
from pathlib import Path

import hcl2
import pytest
import yaml
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deployment import deploy, sbom
from deployment import stage as staging
from deployment.service import ROOT, workers
from deployment.stage import StageError, check_base_images

DIGEST = f"@sha256:{'0a' * 32}"
LOCK = ROOT / "infra" / ".terraform.lock.hcl"
DOCKERFILE = ROOT / "gce-plate-solver" / "Dockerfile"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(staging, "BUILD", tmp_path)
    monkeypatch.setattr(sbom, "FOLDER", tmp_path / "sbom")
    return tmp_path


def test_the_list_has_all_that_is_installed(folder: Path) -> None:
    packages = folder / "packages.tsv"
    packages.write_text("libc6\t2.36-9+deb12u10\nsource-extractor\t2.25.0+ds-3\n")
    file = sbom.write("gce-plate-solver", packages)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text()) is None
    listed = json.loads(file.read_text())
    urls = {component["purl"] for component in listed["components"]}
    assert listed["metadata"]["component"]["name"] == "gce-plate-solver"
    pins = re.findall(
        r"^([\w.-]+)==([^\s;]+)", (ROOT / "gce-plate-solver/requirements.txt").read_text(), re.M
    )
    names = {f"pkg:pypi/{name.lower().replace('_', '-')}@{version}" for name, version in pins}
    assert len(names) > 20
    assert names <= urls
    assert len(urls - names) == 2
    assert "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10" in urls


def test_a_service_that_there_is_not_has_no_list(folder: Path) -> None:
    done = CliRunner().invoke(sbom.main, ["cf-nothing"])
    assert done.exit_code == 1
    assert "unknown service cf-nothing" in str(done.exception) + done.output


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"FROM debian:x{DIGEST} AS a\nFROM debian:x{DIGEST}\n", None),
        (f"FROM debian:x{DIGEST} AS a\nFROM debian:y\n", "debian:y has no digest"),
        ("FROM debian:x@sha256:short\n", "has no digest: run bin/pin-base-image"),
        ("RUN true\n", "has no digest"),
    ],
)
def test_a_base_image_needs_a_digest(text: str, fault: str | None, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    if fault is None:
        check_base_images(tmp_path)
        return
    with pytest.raises(StageError, match=fault):
        check_base_images(tmp_path)


def test_nothing_is_deployed_with_a_worker_without_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for worker in workers():
        (tmp_path / worker).mkdir()
        (tmp_path / worker / "Dockerfile").write_text("FROM debian:bookworm\n")
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    deploy.check_containers(["observations-data"])
    with pytest.raises(StageError, match="bin/pin-base-image"):
        deploy.check_containers(["all"])


def test_the_digest_is_written_behind_the_tag(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    for name in ("bin/pin-base-image", "gce-plate-solver/Dockerfile"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    skopeo = tmp_path / "skopeo"
    skopeo.write_text(f"#!/bin/sh\necho {DIGEST[1:]}\n")
    skopeo.chmod(0o755)
    for _ in range(2):  # the second time it takes the place of the first
        subprocess.run(
            ["bash", str(copy / "bin/pin-base-image")],
            check=True,
            capture_output=True,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        )
    check_base_images(copy / "gce-plate-solver")
    assert len(re.findall(DIGEST, (copy / "gce-plate-solver/Dockerfile").read_text())) == 2


def test_each_image_gets_debians_fixes() -> None:
    text = DOCKERFILE.read_text()
    assert text.count("apt-get upgrade --yes") == len(re.findall("^FROM ", text, re.MULTILINE))


def test_the_update_bot_looks_where_dependencies_are() -> None:
    manifests = {
        "pip": "requirements.lock",
        "npm": "package-lock.json",
        "docker": "Dockerfile",
        "terraform": "*.tf",
    }
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {one["package-ecosystem"] for one in updates} == manifests.keys()
    for one in updates:
        for place in one.get("directories", [one.get("directory")]):
            folder = ROOT / place.strip("/")
            assert [*folder.glob(manifests[one["package-ecosystem"]])], place


def lock_faults(lock: str, versions: str) -> list[str]:
    """Return in what the lock of Terraform's providers is not what is asked for."""
    wanted = {
        one["source"].strip('"'): one["version"].strip('"')
        for block in hcl2.loads(versions)["terraform"][0]["required_providers"]
        for name, one in block.items()
        if isinstance(one, dict)
    }
    locked = dict(re.findall(r'provider "[^/"]+/([^"]+)" \{(.*?)\n\}', lock, re.DOTALL))
    faults = [f"{source} is not locked" for source in wanted.keys() - locked.keys()]
    faults += [f"{source} is not asked for" for source in locked.keys() - wanted.keys()]
    for source in wanted.keys() & locked.keys():
        if f'constraints = "{wanted[source]}"' not in locked[source]:
            faults.append(f"{source} is locked for other versions than {wanted[source]}")
        if not re.search('"(zh|h1):', locked[source]):
            faults.append(f"{source} has no hash")
    return faults


def test_the_lock_of_the_providers_is_what_is_asked_for() -> None:
    if not LOCK.exists():
        pytest.skip("bin/infra-check makes it, where the providers' registry is reached")
    assert lock_faults(LOCK.read_text(), (ROOT / "infra" / "versions.tf").read_text()) == []


@pytest.mark.parametrize(
    ("lock", "faults"),
    [
        ("", ["hashicorp/google is not locked"]),
        (
            'provider "registry/hashicorp/google" {\n  version = "6.50.0"\n'
            '  constraints = "~> 6.50"\n  hashes = [\n    "h1:x",\n  ]\n}\n',
            [],
        ),
        (
            'provider "registry/hashicorp/google" {\n  constraints = "~> 5.0"\n}\n',
            [
                "hashicorp/google is locked for other versions than ~> 6.50",
                "hashicorp/google has no hash",
            ],
        ),
    ],
)
def test_a_lock_that_differs_is_found(lock: str, faults: list[str]) -> None:
    assert lock_faults(lock, (ROOT / "infra" / "versions.tf").read_text()) == faults
