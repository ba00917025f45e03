"""The Terraform files: formatted, in the provider's words, and of one mind with `bin/deploy`."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployment import infra
from deployment.commands import Release
from deployment.service import Kind, deployments, functions
from deployment.target import Target, environment
from tests.deploy.provider_schema import SCHEMA
from tests.deploy.terraform import INFRA, Block, arguments, data_sources, named, resources, text

KNOWN = json.loads(SCHEMA.read_text())
FOR_ALL = frozenset({"count", "depends_on", "for_each", "lifecycle", "provider"})
"""Arguments of Terraform itself."""

RESOURCES = [(kind, name, body) for kind, name, body in resources()] + [
    (f"data_{kind}", name, body) for kind, name, body in data_sources()
]
SENDERS = ["eventarc", "monitoring", "operator", "pubsub-push", "scheduler"]


@pytest.fixture
def terraform() -> str:
    program = shutil.which("terraform")
    if program is None:
        pytest.skip("terraform is not installed")
    return program


def test_files_are_formatted(terraform: str) -> None:
    command = [terraform, "fmt", "-check", "-recursive", "-diff", str(INFRA)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_known_of_the_services_is_up_to_date() -> None:
    assert infra.FILE.read_text() == infra.text(), "run: python -m deployment.infra"


def test_the_tries_of_a_message_outlast_an_outage_of_hours() -> None:
    tries = json.loads(infra.FILE.read_text())["delivery"]
    pauses_s = [
        min(tries["max_backoff_s"], tries["min_backoff_s"] * 2**number)
        for number in range(tries["max_attempts"] - 1)
    ]
    assert sum(pauses_s) > 5 * 3600
    assert tries["max_attempts"] <= 100, "Pub/Sub allows no more"
    assert max(pauses_s) <= 300, "what is back is to be noticed soon"


@pytest.mark.parametrize(("kind", "name", "body"), RESOURCES)
def test_arguments_are_the_providers(kind: str, name: str, body: Block) -> None:
    assert list(faults(body, KNOWN[kind]["arguments"], f"{kind}.{name}")) == []


def faults(body: Block, known: dict[str, dict[str, Any]], place: str) -> Iterator[str]:
    """Give what in a block the provider would refuse: unknown, missing, of the wrong form."""
    given = {name: value for name, value in arguments(body) if name not in FOR_ALL}
    required = {name for name, argument in known.items() if argument["required"]}
    yield from (f"{place} lacks {name}" for name in sorted(required - given.keys()))
    for name, blocks in given.items():
        if name in known:
            yield from _form_faults(blocks, known[name], f"{place}.{name}")
        else:
            yield f"{place} has no {name}"


def _form_faults(blocks: list[Block] | None, known: dict[str, Any], place: str) -> Iterator[str]:
    if blocks is None and "block" in known:
        yield f"{place} is a block"
    if blocks is not None and "block" not in known:
        yield f"{place} is no block"
    if blocks and len(blocks) > 1 and not known.get("many"):
        yield f"{place} may be there once"
    for block in blocks or []:
        yield from faults(block, known.get("block", {}), place)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nam": "x"}, "topic has no nam"),
        ({"name": None}, "topic lacks name"),
        ({"retry": [{"__is_block__": True}]}, "topic has no retry"),
        ({"name": [{"__is_block__": True}]}, "topic.name is no block"),
        (
            {
                "message_storage_policy": [
                    {"allowed_persistence_regions": [], "__is_block__": True}
                ]
                * 2
            },
            "topic.message_storage_policy may be there once",
        ),
        ({"schema_settings": "x"}, "topic.schema_settings is a block"),
        ({"schema_settings": [{"__is_block__": True}]}, "topic.schema_settings lacks schema"),
    ],
)
def test_a_wrong_argument_is_found(change: Block, fault: str) -> None:
    body = {name: value for name, value in {"name": "x", **change}.items() if value is not None}
    assert list(faults(body, KNOWN["google_pubsub_topic"]["arguments"], "topic")) == [fault]


def test_whatever_is_referred_to_is_there() -> None:
    there = {f"{kind.replace('data_', 'data.', 1)}.{name}" for kind, name, _ in RESOURCES}
    referred = set(re.findall(r"\b(?:data\.)?google_\w+\.\w+", text()))
    assert referred - there == set()
    assert set(re.findall(r"\bvar\.(\w+)", text())) == named("variable")
    assert set(re.findall(r"\blocal\.(\w+)", text())) <= named("locals")


def test_attributes_that_are_read_are_the_providers() -> None:
    reading = r"\b(data\.)?(google_\w+)\.\w+(?:\[[^\]]+\])?\.(\w+)"
    for data, kind, attribute in re.findall(reading, text()):
        known = KNOWN[f"{data.replace('.', '_')}{kind}"]
        assert attribute in known["attributes"], (kind, attribute)


def test_each_service_and_sender_has_an_account() -> None:
    listed = re.search(r"senders = (\[.*\])", text())
    assert listed is not None
    assert json.loads(listed[1]) == SENDERS
    called = {caller for one in infra.document()["services"].values() for caller in one["callers"]}
    assert called <= set(SENDERS) | deployments().keys()


WORKERS = [name for name, one in deployments().items() if one.kind is Kind.WORKER]


@pytest.mark.parametrize("environment_name", ["prod", "test"])
def test_names_are_those_of_bin_deploy(
    terraform: str, environment_name: str, tmp_path: Path
) -> None:
    target = Target("panoptes-demo-1", "us-central1", environment_name, "123456789012")
    names = _names(terraform, target, tmp_path)
    services = [*deployments(), *SENDERS]
    assert names == {
        "names": {one: target.name(one) for one in services},
        "accounts": {one: target.account(one) for one in services},
        "urls": {one: target.url(one) for one in services},
        "database_users": {one: target.database_user(one) for one in services},
        "buckets": {"raw": target.bucket("raw"), "processed": target.bucket("processed")},
        "suffix": target.name(""),
        "network": target.name("panoptes"),
        "registry": target.name("panoptes"),
        "instance": target.cloud_sql_instance.rpartition(":")[2],
        "worker_images": {one: target.image(one, "current") for one in WORKERS},
        "worker_environments": {one: environment(one, target) for one in WORKERS},
    }
    assert max(map(len, names["names"].values())) <= 30, "an account's id would be too long"


def _names(terraform: str, target: Target, folder: Path) -> dict[str, Any]:
    """Have Terraform itself work out the names; that needs no provider."""
    shutil.copy(INFRA / "names" / "main.tf", folder)
    values = {
        "project": target.project,
        "project_number": target.project_number,
        "region": target.region,
        "environment": target.environment,
        "services": [*deployments(), *SENDERS],
    }
    (folder / "terraform.tfvars.json").write_text(json.dumps(values))
    quiet = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    for command in (["init", "-backend=false"], ["apply", "-auto-approve"]):
        subprocess.run(
            [terraform, *command], cwd=folder, env=quiet, check=True, capture_output=True
        )
    told = subprocess.run(
        [terraform, "output", "-json"], cwd=folder, env=quiet, check=True, capture_output=True
    )
    return {name: one["value"] for name, one in json.loads(told.stdout).items()}


TARGET = Target("panoptes-demo-1", "us-central1", "test", "1")
BELIEVING = sorted(
    name for name in deployments() if "TOKEN_CHECKED_BY_PLATFORM" in environment(name, TARGET)
)
"""Services that do not verify a token which Cloud Run has verified."""


def test_functions_believe_the_platform_and_public_services_do_not() -> None:
    assert sorted(functions()) == BELIEVING


@pytest.mark.parametrize("service", BELIEVING)
def test_who_believes_the_platform_is_reached_by_invokers_only(service: str) -> None:
    assert not deployments()[service].public
    assert not infra.document()["services"][service]["public"]
    [deploy] = Release(service, TARGET, "1").commands()
    assert "--no-allow-unauthenticated" in deploy
    assert not [word for word in deploy if "iam-check" in word or word == "--allow-unauthenticated"]


def test_no_stranger_is_let_in_but_to_public_services() -> None:
    """Hold all that Terraform opens to anyone against the one resource that may."""
    open_ones = [
        (kind, name)
        for kind, name, body in RESOURCES
        if re.search("allUsers|allAuthenticatedUsers", json.dumps(body))
    ]
    assert open_ones == [("google_cloud_run_v2_service_iam_member", "public")]
    [public] = [body for kind, name, body in RESOURCES if (kind, name) == open_ones[0]]
    assert public["for_each"] == "${{for name, one in local.served : name => one if one.public}}"
    [service] = [body for kind, _, body in RESOURCES if kind == "google_cloud_run_v2_service"]
    assert "invoker_iam_disabled" not in service


def test_a_unit_writes_below_its_own_prefix_only() -> None:
    grants = {name: body for kind, name, body in RESOURCES if kind.endswith("bucket_iam_member")}
    [condition] = grants["unit"]["condition"]
    assert '/objects/${each.key}/")' in condition["expression"]
    assert grants["unit"]["for_each"] == "${var.units}"
