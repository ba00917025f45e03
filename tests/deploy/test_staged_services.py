"""Each staged service answers from an empty environment, with what it says that it needs."""

import json
import subprocess
import time
from pathlib import Path

import pytest
import requests

from deployment import stage as staging
from deployment.rehearsal import Rehearsal, rehearse
from deployment.service import Kind, deployments
from deployment.stage import stage
from tests.conftest import free_port

SERVICES = deployments()
OPENS_PIXELS = frozenset(
    {
        *("cf-make-fits", "cf-make-rgb-fits", "cf-make-jpg", "cf-make-timelapse"),
        *("gce-plate-solver", "gce-light-curves", "observations-data"),
    }
)
HEAVY = frozenset({"astropy", "numpy", "scipy", "rawpy", "PIL", "pyarrow", "imageio_ffmpeg"})
ON_DEMAND = "google.cloud.sql"
"""The connector to Cloud SQL is loaded when the first connection is made, and only there."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each service's environment is made in its turn, so that `bytecode` fits them all."""
    return tmp_path_factory.mktemp("environment")


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A setting that has each package compiled once, not once for each service."""
    return {"PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode"))}


@pytest.fixture(scope="module", params=sorted(SERVICES))
def rehearsal(
    request: pytest.FixtureRequest, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Rehearsal:
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "BUILD", folder)
        return rehearse(request.param, stage(request.param), home)


def test_it_answers(
    rehearsal: Rehearsal, bytecode: dict[str, str], request: pytest.FixtureRequest
) -> None:
    if rehearsal.deployment.kind is Kind.JOB:
        url = request.getfixturevalue("database_url")
        environment = rehearsal.environment(0, DATABASE_URL=url, **bytecode)
        job = subprocess.run(
            rehearsal.command,
            cwd=rehearsal.folder,
            env=environment,
            check=True,
            capture_output=True,
        )
        assert json.loads(job.stdout.splitlines()[-1])["message"] == "the database is ready"
        return
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with rehearsal.running(rehearsal.environment(port, **bytecode)) as process:
        health = _answer(f"{address}/health", process)
        assert (health.status_code, health.json()["status"]) == (200, "ok")
        if rehearsal.deployment.kind is Kind.FUNCTION:
            refused = requests.post(address, data=b"no message", timeout=30)
            assert 400 <= refused.status_code < 500


def _answer(url: str, process: subprocess.Popen[bytes]) -> requests.Response:
    deadline = time.monotonic() + 300
    while True:
        try:
            return requests.get(url, timeout=30)
        except requests.ConnectionError:
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_it_loads_nothing_that_it_does_not_need(
    rehearsal: Rehearsal, bytecode: dict[str, str]
) -> None:
    if rehearsal.service in OPENS_PIXELS:
        pytest.skip("it opens pixels")
    loaded = _loaded(rehearsal, bytecode)
    assert "panoptes_network.telemetry.log" in loaded
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith(ON_DEMAND)}
    if not rehearsal.deployment.has_database:
        assert not loaded & {"sqlalchemy", "pg8000", "alembic"}


def _loaded(rehearsal: Rehearsal, bytecode: dict[str, str]) -> set[str]:
    """Return the modules that a service has loaded when its first request comes."""
    script = "import json, sys\nsys.path.insert(0, '.')\nimport main\n"
    if rehearsal.deployment.kind is Kind.WEB:
        script += "main.create_app()\n"
    script += "print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [str(rehearsal.python), "-c", script],
        cwd=rehearsal.folder,
        env=rehearsal.environment(0, **bytecode),
        check=True,
        stdout=subprocess.PIPE,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))
