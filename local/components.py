"""The network on one machine: all components, in the order in which they start."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import requests

from deployment.service import Deployment, address_variable, functions, workers, writers
from local import storage, unprivileged
from local.postgres import LIBPQ_NAMES, Cluster
from local.state import LOOPBACK, ROOT, NetworkError, postgres_dir, state_dir
from local.storage_guard import hidden_address
from local.supervisor import Component
from panoptes_network.config import Settings
from panoptes_network.web.admission import MAX_BUSY, SPARE_THREADS

PREFERRED_PORTS = {
    "postgres": 5433,
    "pubsub": 8085,
    "storage": 4443,
    "eventarc": 8084,
    "cf-bucket-upload": 8086,
    "cf-image-received": 8081,
    "cf-header-to-db": 8082,
    "observations-data": 8083,
    "observations-explorer": 8080,
    "cf-make-fits": 8087,
    "cf-make-rgb-fits": 8088,
    "cf-make-jpg": 8089,
    "cf-make-timelapse": 8090,
    "cf-operations": 8091,
}

OWNERS_NAMES = frozenset({"DATABASE_URL", *LIBPQ_NAMES})
"""Variables with which a user's own programs connect as the database's owner."""

THREADS = MAX_BUSY + SPARE_THREADS
"""Threads per server, with spare ones for health checks and refusals."""


def network_env(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the environment of a client or service for the network listening on `ports`.

    It has the `Settings` for addresses and names, the variables that Google's clients read, and the
    services' URLs.
    """
    url = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
    names = Settings.model_fields
    return {
        "GOOGLE_CLOUD_PROJECT": names["google_cloud_project"].default,
        "STORAGE_EMULATOR_HOST": url["storage"],
        "PUBSUB_EMULATOR_HOST": _foreign_pubsub(ports) or f"{LOOPBACK}:{ports['pubsub']}",
        "DATABASE_URL": _cluster(ports).url(),
        **_cluster(ports).libpq(),
        "RAW_BUCKET": names["raw_bucket"].default,
        "PROCESSED_BUCKET": names["processed_bucket"].default,
        "RAW_TOPIC": names["raw_topic"].default,
        "FILM_TOPIC": names["film_topic"].default,
        "PIPELINE_TOPIC": names["pipeline_topic"].default,
        "SOLVER_SUBSCRIPTION": names["solver_subscription"].default,
        "LIGHT_CURVE_SUBSCRIPTION": names["light_curve_subscription"].default,
        "STORAGE_EVENTS_TOPIC": "storage-events",
        "EVENTARC_URL": url["eventarc"],
        **{address_variable(name): url[name] for name in ports if name.startswith("cf-")},
        "OBSERVATIONS_DATA_URL": url["observations-data"],
        "OBSERVATIONS_EXPLORER_URL": url["observations-explorer"],
        # A proxy for the outside must not be used for this machine.
        "NO_PROXY": _no_proxy(),
    }


def _cluster(ports: Mapping[str, int]) -> Cluster:
    return Cluster(postgres_dir(), ports["postgres"])


def shared_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment shared by all components: everything but the database's owner."""
    both = {**os.environ, **env}
    return {name: value for name, value in both.items() if name not in OWNERS_NAMES}


def _no_proxy() -> str:
    known = os.environ.get("NO_PROXY", "").split(",")
    return ",".join(dict.fromkeys([*filter(None, known), LOOPBACK, "localhost"]))


def components(ports: Mapping[str, int], env: Mapping[str, str]) -> list[Component]:
    """Return the network's components, each after those it depends on.

    Raises
    ------
    NetworkError
        If a program that the user requested is missing.
    """
    return [
        _step("cluster"),
        _postgres(_cluster(ports)),
        _step("database", after=["postgres"], env={"DATABASE_URL": env["DATABASE_URL"]}),
        *_pubsub(ports["pubsub"], env["PUBSUB_EMULATOR_HOST"]),
        # Topics first: an event without a topic would be lost.
        *_storage(ports["storage"], env, after=["topics"]),
        _step("buckets", after=["storage"]),
        *(_function(name, function, ports) for name, function in functions().items()),
        Component("scheduler", _python("local.scheduler")),
        _web("eventarc", ROOT, "local.eventarc", ports),
        *(_worker(name, ports) for name in workers()),
        _web("observations-data", ROOT / "observations-data", "main", ports),
        _web("observations-explorer", ROOT / "observations-explorer", "main", ports),
    ]


def _postgres(cluster: Cluster) -> Component:
    return Component(
        "postgres",
        cluster.program(),
        after=["cluster"],
        ready=cluster.is_ready,
        stop_signal=signal.SIGINT,
        privileges=unprivileged.options(),
        port=cluster.port,
    )


def _pubsub(port: int, address: str) -> list[Component]:
    """Return our broker or Google's emulator, or none for a foreign one; then the topics."""
    if address != f"{LOOPBACK}:{port}":
        if not _listens(*_host_and_port(address)):
            raise NetworkError(f"nothing is listening at PUBSUB_EMULATOR_HOST={address}: unset it")
        return [_step("topics")]
    if os.environ.get("PUBSUB") == "google":
        command = _google_emulator(address)
    else:
        store = state_dir() / "pubsub.sqlite"
        command = [*_python("local.broker"), "--host", LOOPBACK, "--port", str(port)]
        command += ["--store", str(store)]
    broker = Component("pubsub", command, ready=lambda: _listens(LOOPBACK, port), port=port)
    return [broker, _step("topics", after=["pubsub"])]


def _google_emulator(address: str) -> list[str]:
    for program, package in (("gcloud", "Google Cloud CLI"), ("java", "Java runtime")):
        if shutil.which(program) is None:
            raise NetworkError(f"PUBSUB=google needs the {package}: {program} is not installed")
    return ["gcloud", "beta", "emulators", "pubsub", "start", f"--host-port={address}"]


def _foreign_pubsub(ports: Mapping[str, int]) -> str | None:
    """Return the emulator set by the user; None if it is our own from an earlier run."""
    address = os.environ.get("PUBSUB_EMULATOR_HOST")
    return None if address == f"{LOOPBACK}:{ports['pubsub']}" else address


def _storage(port: int, env: Mapping[str, str], after: list[str]) -> list[Component]:
    """Return the storage server, at an address hidden from web pages, and the guard before it."""
    project, topic = env["GOOGLE_CLOUD_PROJECT"], env["STORAGE_EVENTS_TOPIC"]
    host, hidden = hidden_address()
    server = storage.server_command(
        state_dir() / "storage", hidden, project, topic, host=host, public_port=port
    )
    guard = [*_python("local.storage_guard"), f"--port={port}"]
    guard += [f"--backend=http://{host}:{hidden}"]
    return [
        Component("storage-server", server, after, ready=lambda: storage.is_ready(hidden, host)),
        Component(
            "storage", guard, ["storage-server"], ready=lambda: storage.is_ready(port), port=port
        ),
    ]


def _function(name: str, function: Deployment, ports: Mapping[str, int]) -> Component:
    """Return a Cloud Function that receives either requests or a bucket's events."""
    port = ports[name]
    kind = "cloudevent" if function.event else "http"
    command = [*_python("functions_framework"), f"--host={LOOPBACK}", f"--port={port}"]
    command += [f"--target={function.entry_point}"]
    command += [f"--source={ROOT / name / 'main.py'}", f"--signature-type={kind}"]
    # functions-framework cannot switch off gunicorn's control socket; this keeps it out of the home
    # folder.
    env = {"XDG_RUNTIME_DIR": str(_runtime_dir(name)), "THREADS": str(THREADS)}
    env |= _database_env(name, ports)
    return Component(name, command, _needs(name), lambda: _answers(port), port=port, env=env)


def _web(name: str, folder: Path, module: str, ports: Mapping[str, int]) -> Component:
    """Return a web service: the application created by a module's ``create_app()``."""
    port = ports[name]
    command = [*_python("panoptes_network.web.server"), f"--folder={folder}", f"--port={port}"]
    command += [f"--threads={THREADS}", module]
    env = {"PUBLIC_URL": f"http://{LOOPBACK}:{port}", **_database_env(name, ports)}
    return Component(name, command, _needs(name), lambda: _answers(port), port=port, env=env)


def _worker(name: str, ports: Mapping[str, int]) -> Component:
    program = [sys.executable, str(ROOT / name / "main.py")]
    after = ["database", "topics", "buckets"]
    return Component(name, program, after, env=_database_env(name, ports))


def _needs(name: str) -> list[str]:
    """Return a service's prerequisites: the step that creates its user, if it has one."""
    return ["database"] if name in writers() else []


def _database_env(name: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the database URL of a service's own user, which has only the rights it needs."""
    if name not in writers():
        return {}
    return {"DATABASE_URL": _cluster(ports).url(name)}


def _step(
    name: str, after: list[str] | None = None, env: dict[str, str] | None = None
) -> Component:
    return Component(name, _python(f"local.steps.{name}"), after or [], once=True, env=env or {})


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _runtime_dir(name: str) -> Path:
    folder = state_dir() / "run" / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise NetworkError(f"PUBSUB_EMULATOR_HOST={address!r} is not like localhost:8085")
    return host, int(port)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except (OSError, OverflowError):
        return False
    return True


def _answers(port: int) -> bool:
    """Return whether an HTTP server responds; functions-framework reserves this path."""
    try:
        requests.get(f"http://{LOOPBACK}:{port}/robots.txt", timeout=0.2)
    except requests.RequestException:
        return False
    return True
