"""The commands of the Google Cloud CLI that deploy a service."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deployment.service import Deployment, Kind, deployments
from deployment.target import Target, environment, secrets

RUNTIME = "python313"
"""Base image of functions and web services; Google keeps it patched."""

CURRENT = "current"
"""Tag of the container image that virtual machines start."""

Command = list[str]


@dataclass(frozen=True, slots=True)
class Release:
    """A staged service on its way to a network.

    Attributes
    ----------
    service : str
        Its folder's name; `build/SERVICE` is what is uploaded.
    target : Target
    version : str
        Of what is staged; a label, or the tag of its container image.
    """

    service: str
    target: Target
    version: str

    @property
    def deployment(self) -> Deployment:
        """The service's declaration."""
        return deployments()[self.service]

    @property
    def name(self) -> str:
        """Its name in the environment."""
        return self.target.name(self.service)

    def commands(self) -> Iterator[Command]:
        """Return the commands that deploy it, in order."""
        yield from _COMMANDS[self.deployment.kind](self)


def as_text(command: Command) -> str:
    """Return a command as a shell takes it, one option a line."""
    options = [shlex.quote(word) for word in command if word.startswith("--")]
    verb = shlex.join(word for word in command if not word.startswith("--"))
    return " \\\n    ".join([verb, *options])


def _function(release: Release) -> Iterator[Command]:
    function = f"--function={release.deployment.entry_point}"
    yield [*_run_deploy(release), function, f"--base-image={RUNTIME}"]


def _web(release: Release) -> Iterator[Command]:
    probe = "httpGet.path=/health,httpGet.port=8080"
    yield [
        *_run_deploy(release),
        f"--base-image={RUNTIME}",
        f"--startup-probe={probe},periodSeconds=1,failureThreshold=60",
        f"--liveness-probe={probe},periodSeconds=30",
    ]


def _worker(release: Release) -> Iterator[Command]:
    """Build the image, name it the current one, have the machines start it one after the other."""
    target = release.target
    image = target.image(release.service, release.version)
    current = target.image(release.service, CURRENT)
    place = [f"--project={target.project}", "--quiet"]
    region = f"--region={target.region}"
    replace = ["gcloud", "compute", "instance-groups", "managed", "rolling-action", "replace"]
    yield [
        *("gcloud", "builds", "submit", f"build/{release.service}", f"--tag={image}"),
        *(region, "--timeout=1800s", *place),
    ]
    yield ["gcloud", "artifacts", "docker", "tags", "add", image, current, *place]
    yield [*replace, release.name, region, "--max-unavailable=0", *place]


def _job(release: Release) -> Iterator[Command]:
    yield [
        *("gcloud", "run", "jobs", "deploy", release.name, *_common(release)),
        *(f"--task-timeout={release.deployment.timeout_s}s", "--max-retries=0", "--tasks=1"),
        *("--execute-now", "--wait"),
    ]


def _run_deploy(release: Release) -> Command:
    deployment = release.deployment
    access = "--allow-unauthenticated" if deployment.public else "--no-allow-unauthenticated"
    return [
        *("gcloud", "run", "deploy", release.name, *_common(release)),
        f"--timeout={deployment.timeout_s}s",
        f"--concurrency={deployment.concurrency}",
        f"--max-instances={deployment.max_instances}",
        *("--ingress=all", access, "--cpu-boost", "--execution-environment=gen2"),
    ]


def _common(release: Release) -> Command:
    target, deployment = release.target, release.deployment
    values = environment(release.service, target).items()
    variables = ";".join(f"{name}={value}" for name, value in values)
    return [
        f"--source=build/{release.service}",
        *(f"--project={target.project}", f"--region={target.region}", "--quiet"),
        f"--service-account={target.account(release.service)}",
        *(f"--memory={deployment.memory_mb}Mi", f"--cpu={deployment.cpu}"),
        # Values hold commas; `gcloud topic escaping` says how another separator is set.
        f"--set-env-vars=^;^{variables}",
        f"--labels=environment={target.environment},version={release.version}",
        *_secrets(release),
        *(_private_network(target) if deployment.has_database else []),
    ]


def _secrets(release: Release) -> Command:
    known = secrets(release.service, release.target).items()
    return [f"--set-secrets={variable}={name}:latest" for variable, name in known]


def _private_network(target: Target) -> Command:
    network = target.name("panoptes")
    return [f"--network={network}", f"--subnet={network}", "--vpc-egress=private-ranges-only"]


_COMMANDS: dict[Kind, Callable[[Release], Iterator[Command]]] = {
    Kind.FUNCTION: _function,
    Kind.WEB: _web,
    Kind.WORKER: _worker,
    Kind.JOB: _job,
}
