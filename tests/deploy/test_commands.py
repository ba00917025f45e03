"""What `bin/deploy` would run: accepted by the real command, and only within its environment."""

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from deployment import commands
from deployment.deploy import in_order, plan
from deployment.service import ROOT, deployments, functions, writers
from deployment.stage import StageError
from deployment.target import Target, callers, environment
from panoptes_network.config import Settings

PROJECT = "panoptes-demo-1"
TEST = Target(PROJECT, "us-central1", "test", "123456789012")
PRODUCTION = Target(PROJECT, "us-central1", "prod", "123456789012")
SIGNED_OUT = "You do not currently have an active account selected"


@pytest.fixture(scope="module")
def planned() -> list[commands.Command]:
    return list(plan(["all"], TEST))


def test_gcloud_accepts_every_command(
    planned: list[commands.Command], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("gcloud") is None:
        pytest.skip("the Google Cloud CLI is not installed")
    # Nobody is signed in: arguments are judged before that, and nothing is asked of Google.
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))

    def complaint(command: commands.Command) -> str:
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        return str(done.stderr)

    wrong = [*planned[0], "--no-such-flag"]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(complaint, [*planned, wrong]))
    assert "unrecognized arguments: --no-such-flag" in said.pop()
    assert [words for words in said if SIGNED_OUT not in words] == []


def test_a_test_network_has_nothing_in_common_with_production(
    planned: list[commands.Command],
) -> None:
    shared = {f"GOOGLE_CLOUD_PROJECT={PROJECT}", "TRUSTED_PROXIES=1"}
    for test, production in zip(planned, plan(["all"], PRODUCTION), strict=True):
        both = _resources(test) & _resources(production)
        assert {word for word in both if "panoptes" in word} <= shared | {f"--project={PROJECT}"}
        assert test != production


def _resources(command: commands.Command) -> set[str]:
    """Return the words of a command, and those of the settings and users in it."""
    words = {part for word in command for part in re.split(r"[;,]|\^;\^", word)}
    return words | {user for word in words for user in re.findall(r'"([^"]+@[^"]+)"', word)}


def test_the_database_comes_first() -> None:
    assert in_order(["observations-data", "cf-make-jpg", "cf-make-jpg"]) == [
        "job-migrate", "cf-make-jpg", "observations-data",
    ]  # fmt: skip
    assert in_order(["observations-explorer"]) == ["observations-explorer"]
    assert set(in_order(["all"])) == deployments().keys()


def test_a_service_that_there_is_not() -> None:
    with pytest.raises(StageError, match="cf-nothing"):
        in_order(["cf-make-jpg", "cf-nothing"])


@pytest.mark.parametrize(
    ("project", "region", "name"),
    [
        ("Panoptes", "us-central1", "test"),
        ("panoptes-demo", "us", "test"),
        ("panoptes-demo", "us-central1", "a-b"),
        ("panoptes-demo", "us-central1", "muchtoolong"),
        ("panoptes-demo", "us-central1; rm", "test"),
    ],
)
def test_a_name_that_google_would_refuse(project: str, region: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"is not a valid (project id|region|environment)"):
        Target(project, region, name, "1")


@pytest.mark.parametrize("service", deployments())
def test_settings_are_valid_and_complete(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment(service, TEST)
    monkeypatch.setenv("K_SERVICE", TEST.name(service))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    Settings()
    # What differs between networks is said; the rest is as everywhere.
    with_default = set(deployments()[service].settings) - given.keys()
    assert not {name for name in with_default if re.search("BUCKET|TOPIC|PROJECT|DATABASE", name)}


def test_a_private_service_lets_in_its_callers_only() -> None:
    for service in functions():
        allowed = environment(service, TEST)["ALLOWED_CALLERS"].split(",")
        assert allowed == [TEST.account(caller) for caller in callers(service)]
    assert callers("cf-image-received") == ["cf-bucket-upload", "cf-operations", "operator"]
    assert callers("cf-bucket-upload") == ["operator", "eventarc"]
    assert callers("cf-make-timelapse") == ["operator", "pubsub-push", "scheduler"]
    assert callers("observations-data") == callers("observations-explorer") == ["monitoring"]


@pytest.mark.parametrize("service", [name for name, one in deployments().items() if one.public])
def test_metrics_of_a_public_service_are_for_monitoring(service: str) -> None:
    given = environment(service, TEST)
    assert given["ALLOWED_CALLERS"] == TEST.account("monitoring")
    assert given["TOKEN_AUDIENCE"] == TEST.url(service)
    assert "TOKEN_CHECKED_BY_PLATFORM" not in given


def test_the_job_lets_each_user_write_its_tables() -> None:
    users = json.loads(environment("job-migrate", TEST)["DATABASE_WRITERS"])
    assert users == {
        f"{service}-test@{PROJECT}.iam": tables for service, tables in writers().items()
    }


def test_kubernetes_has_the_same_settings() -> None:
    text = (ROOT / "kube-plate-solver" / "plate-solver.yaml").read_text()
    for word, value in (
        ("PROJECT", PROJECT), ("REGION", TEST.region), ("SUFFIX", "-test"), ("VERSION", "abc"),
    ):  # fmt: skip
        text = text.replace(f"__{word}__", value)
    parts = {part["kind"]: part for part in yaml.safe_load_all(text)}
    assert parts["ConfigMap"]["data"] == environment("gce-plate-solver", TEST)
    [container] = parts["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == TEST.image("gce-plate-solver", "abc")
    most = parts["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]
    assert most == deployments()["gce-plate-solver"].max_instances
