"""`panoptes-operate unit add`: on one machine, and the commands for the cloud."""

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import hcl2
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from deployment.target import Target
from panoptes_network import config
from panoptes_network.errors import PermanentError
from panoptes_network.operations.cli import main
from panoptes_network.operations.upload_identity import (
    ROLE,
    State,
    UploadIdentity,
    has_role,
    missing,
)
from tests.service.support.functions import Network, tables

ROOT = Path(__file__).parents[3]
IDENTITY = UploadIdentity("PAN012", "panoptes-demo-1", "test")
NOTHING = State(has_account=False, may_upload=False, n_keys=0)
ALL = State(has_account=True, may_upload=True, n_keys=1)
SIGNED_OUT = "You do not currently have an active account selected"


def operate(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def in_the_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No local server, and nobody is signed in."""
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.chdir(tmp_path)


def test_a_unit_of_the_network_on_this_machine(network: Network, db: Engine) -> None:
    tried = operate("unit", "add", "pan012", "--dry-run")
    assert (tried.exit_code, tables(db)["units"]) == (0, []), tried.output
    done = operate("unit", "add", "pan012")
    assert done.exit_code == 0, done.output
    assert "PAN012 is now a unit of the network" in done.output
    settings = config.settings()
    assert f"export RAW_BUCKET={settings.raw_bucket}" in done.output
    assert "export STORAGE_EMULATOR_HOST=http://127.0.0.1:" in done.output
    assert "pocs config set pan_id PAN012" in done.output
    assert f"pocs config set panoptes_network.buckets.upload {settings.raw_bucket}" in done.output
    again = operate("unit", "add", "PAN012")
    assert "PAN012 was a unit of the network already" in again.output
    assert again.output.splitlines()[1:] == done.output.splitlines()[1:]
    assert [row["unit_id"] for row in tables(db)["units"]] == ["PAN012"]
    assert operate("list", "--unit", "PAN012").exit_code == 0


def test_the_place_of_a_new_unit_may_be_set(network: Network, db: Engine) -> None:
    operate("unit", "add", "PAN012")
    done = operate("unit", "set", "PAN012", "--latitude", "19.5", "--by", "ada")
    assert done.exit_code == 0, done.output
    assert "latitude_deg  19.5" in done.output
    assert operate("unit", "PAN012", "--latitude", "19.6", "--by", "ada").exit_code == 0


@pytest.mark.parametrize(
    "unit", ["PAN1234", "PAN12", "M42", "", "PAN012 ", "PAN\u0660\u0661\u0662"]
)
def test_a_wrong_id_is_refused_in_plain_words(network: Network, db: Engine, unit: str) -> None:
    done = operate("unit", "add", "--", unit)
    assert done.exit_code == 2
    assert f"{unit!r} is not a unit: PAN and three digits, such as PAN012" in done.output
    assert tables(db)["units"] == []


def test_a_missing_bucket_is_told(
    network: Network, db: Engine, set_env: Callable[..., None]
) -> None:
    set_env(RAW_BUCKET="nowhere")
    done = operate("unit", "add", "PAN012")
    assert done.exit_code == 2
    assert "there is no bucket nowhere at http://" in done.output


@pytest.mark.usefixtures("in_the_cloud")
class TestInTheCloud:
    def test_a_dry_run_prints_the_commands(self, tmp_path: Path) -> None:
        done = operate("unit", "add", "PAN012", "--project", "panoptes-demo-1", "--dry-run")
        assert done.exit_code == 0, done.output
        commands = [shlex.split(line) for line in done.output.splitlines()]
        assert commands == missing(IDENTITY, NOTHING, tmp_path / "pan012.json")

    def test_the_real_cli_takes_every_command(self, tmp_path: Path) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("the Google Cloud CLI is not installed")
        commands = missing(IDENTITY, NOTHING, tmp_path / "pan012.json")
        for command in [*commands, IDENTITY.find, IDENTITY.policy, IDENTITY.keys]:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert SIGNED_OUT in done.stderr, command
        done = subprocess.run(
            [*commands[0], "--nonsense"], capture_output=True, text=True, check=False
        )
        assert "unrecognized arguments" in done.stderr

    def test_a_refusal_of_the_cli_is_one_line(self, tmp_path: Path) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("the Google Cloud CLI is not installed")
        done = operate("unit", "add", "PAN012", "--project", "panoptes-demo-1")
        assert done.exit_code == 1
        assert SIGNED_OUT in done.output
        assert len(done.output.splitlines()) == 1
        assert not (tmp_path / "pan012.json").exists()

    def test_without_the_cli_the_message_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        done = operate("unit", "add", "PAN012", "--project", "panoptes-demo-1")
        assert done.exit_code == 1
        assert "gcloud) is not installed here. --dry-run prints its commands" in done.output

    def test_a_project_is_needed(self) -> None:
        done = operate("unit", "add", "PAN012")
        assert done.exit_code == 2
        assert "say which network: --project" in done.output

    @pytest.mark.parametrize("unit", ["PAN000", "pan009"])
    def test_test_units_stay_out_of_production(self, unit: str) -> None:
        options = ["--project", "panoptes-demo-1", "--dry-run", "--env"]
        done = operate("unit", "add", unit, *options, "prod")
        assert done.exit_code == 2
        assert "is a test unit" in done.output
        assert operate("unit", "add", unit, *options, "test").exit_code == 0
        assert operate("unit", "add", "PAN010", *options, "prod").exit_code == 0


def test_only_what_is_missing_is_created(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    assert missing(IDENTITY, NOTHING, key) == [
        IDENTITY.create, IDENTITY.grant, IDENTITY.create_key(key)
    ]  # fmt: skip
    assert missing(IDENTITY, ALL, key) == []
    assert missing(IDENTITY, ALL, key, new_key=True) == [IDENTITY.create_key(key)]
    assert missing(IDENTITY, ALL._replace(may_upload=False), key) == [IDENTITY.grant]
    assert missing(IDENTITY, ALL._replace(n_keys=0), key) == [IDENTITY.create_key(key)]
    key.touch()
    assert missing(IDENTITY, ALL, key) == []
    for state, new_key in ((NOTHING, False), (ALL, True)):
        with pytest.raises(PermanentError, match="exists: move it"):
            missing(IDENTITY, state, key, new_key=new_key)


def test_the_role_is_found_in_the_buckets_policy() -> None:
    member = f"serviceAccount:{IDENTITY.email}"
    other = UploadIdentity("PAN013", "panoptes-demo-1", "test")
    policy = {"bindings": [{"members": ["user:a@example.org", member], "role": ROLE}]}
    assert has_role(IDENTITY, json.dumps(policy))
    assert not has_role(other, json.dumps(policy))
    policy["bindings"][0]["role"] = "roles/storage.objectViewer"
    assert not has_role(IDENTITY, json.dumps(policy))
    assert not has_role(IDENTITY, '{"etag": "CAE="}')


@pytest.mark.parametrize("environment", ["test", "prod"])
def test_names_are_those_of_the_deployment(environment: str) -> None:
    target = Target("panoptes-demo-1", "us-central1", environment, "1")
    identity = UploadIdentity("PAN012", "panoptes-demo-1", environment)
    assert identity.bucket == target.bucket("raw")
    assert identity.email == target.account("unit-pan012")


def test_the_account_is_the_one_that_terraform_makes() -> None:
    resources = hcl2.loads((ROOT / "infra/uploads.tf").read_text())["resource"]
    text = json.dumps(resources)
    assert ROLE in text
    for part in (
        "storage.googleapis.com/Object",
        "resource.name.startsWith",
        "projects/_/buckets/",
    ):
        assert part in IDENTITY.condition
        assert part in text
    assert IDENTITY.condition.endswith('panoptes-demo-1-raw-test/objects/PAN012/")')
