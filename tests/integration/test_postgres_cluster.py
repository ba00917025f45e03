"""The local PostgreSQL: without rights on the machine, and nobody in it without a password."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.pool import NullPool

from deployment.service import writers
from local import postgres, unprivileged
from local.postgres import DATABASE, OWNER, Cluster
from local.postgres_roles import create_database, create_users, superuser
from panoptes_network import config
from panoptes_network.database import roles
from panoptes_network.database.engine import sqlstate
from panoptes_network.database.migrate import migrate
from tests.conftest import free_port, serving

AS_ROOT = os.geteuid() == 0
NO_CAPABILITY = "0000000000000000"
CAPABILITIES = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]


@pytest.fixture
def running(cluster: Cluster) -> list[psutil.Process]:
    """The server's processes."""
    [server] = [
        one
        for one in psutil.Process().children()
        if str(unprivileged.place(cluster.data_dir)) in one.cmdline()
    ]
    return [server, *server.children()]


def _status(process: psutil.Process) -> dict[str, str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_no_process_of_the_server_has_any_capability(running: list[psutil.Process]) -> None:
    assert len(running) > 3
    for process in running:
        status = _status(process)
        assert status["NoNewPrivs"] == "1"
        # A user other than root keeps the bounding set, from which nothing can be gained.
        kept = CAPABILITIES if AS_ROOT else [name for name in CAPABILITIES if name != "CapBnd"]
        assert {name: status[name] for name in kept} == dict.fromkeys(kept, NO_CAPABILITY)
        assert process.uids().real == (unprivileged.USER_ID if AS_ROOT else os.getuid())
        assert not status["Groups"].strip() or not AS_ROOT


def test_no_command_line_has_a_password(cluster: Cluster, running: list[psutil.Process]) -> None:
    words = " ".join(word for process in running for word in process.cmdline())
    assert not [role for role in (OWNER, postgres.SUPERUSER) if cluster.password(role) in words]


def test_only_the_owner_reads_what_lets_in(cluster: Cluster) -> None:
    data = unprivileged.place(cluster.data_dir)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE(cluster.key_file.stat().st_mode) == 0o600
    for name in ("pg_hba.conf", "panoptes_key"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    assert "trust" not in (data / "pg_hba.conf").read_text()
    assert not list(data.glob(".s.PGSQL*")), "it listens on no socket in the file system"


@pytest.mark.parametrize("role", [OWNER, postgres.SUPERUSER, roles.READER, "stranger"])
@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_nobody_connects_without_the_password(
    cluster: Cluster, role: str, password: str | None
) -> None:
    url = URL.create("postgresql+pg8000", role, password, "127.0.0.1", cluster.port, DATABASE)
    # pg8000 itself gives up at None, which it cannot send.
    with pytest.raises((DBAPIError, InterfaceError, AttributeError)):
        create_engine(url, poolclass=NullPool).connect()


@pytest.mark.parametrize("role", [OWNER, roles.READER, *writers()])
def test_no_role_of_a_service_reaches_the_machine(
    cluster: Cluster, database_url: str, role: str
) -> None:
    create_users(cluster, writers())
    engine = create_engine(cluster.url(role), poolclass=NullPool)
    for statement in (
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "COPY alembic_version FROM PROGRAM 'echo 1'",
        "COPY (SELECT 1) TO '/tmp/panoptes-copy'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE ROLE another SUPERUSER",
        "ALTER SYSTEM SET work_mem = '5MB'",
        f"SET ROLE {postgres.SUPERUSER}",
    ):
        with engine.connect() as connection, pytest.raises(DBAPIError) as refusal:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(statement))
        assert sqlstate(refusal.value) == "42501", statement  # insufficient_privilege


def test_only_the_set_up_is_a_superuser(cluster: Cluster, database_url: str) -> None:
    create_users(cluster, writers())
    with superuser(cluster) as connection:
        strong = connection.scalars(
            text("SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreaterole OR rolreplication")
        ).all()
    assert strong == [postgres.SUPERUSER]


@contextmanager
def _started(cluster: Cluster) -> Iterator[None]:
    cluster.create()
    with serving(cluster.command(), cluster.is_ready, signal.SIGINT):
        yield


def _create_as_before(folder: Path) -> None:
    """Make a cluster as earlier versions did: a superuser who is let in by anybody's word."""
    program = str(postgres._INSTALLATION / "bin" / "initdb")
    folder.mkdir(mode=0o700)
    if AS_ROOT:
        os.chown(folder, unprivileged.NAMED_ID, unprivileged.NAMED_ID)
    options = unprivileged.options_with_a_name()
    initdb = [program, f"--pgdata={folder}", f"--username={OWNER}", "--auth=trust", "--no-sync"]
    subprocess.run(["setpriv", *options, "--", *initdb], check=True, capture_output=True)


def test_a_cluster_of_an_earlier_version_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory(prefix="panoptes-") as folder:
        Path(folder).chmod(0o711)
        cluster = Cluster(Path(folder) / "postgres", free_port())
        _create_as_before(cluster.data_dir)
        before = f"postgresql+pg8000://{OWNER}@127.0.0.1:{cluster.port}/"
        command = ["setpriv", *unprivileged.options_with_a_name(), "--", *cluster.program()]
        with serving(command, cluster.is_ready, signal.SIGINT):
            _fill_as_before(before, monkeypatch)
        with _started(cluster):
            create_database(cluster)
            with create_engine(cluster.url(), poolclass=NullPool).begin() as connection:
                assert connection.scalar(text("SELECT unit_id FROM units")) == "PAN001"
                connection.execute(text("CREATE TABLE later (n int)"))
                connection.execute(text("ALTER TABLE units ADD COLUMN later int"))
                connection.execute(text("SELECT ensure_sources_partition('2018-10-11 00:00:00Z')"))
            with create_engine(cluster.url(roles.READER), poolclass=NullPool).begin() as reader:
                assert reader.scalar(text("SELECT count(*) FROM later")) == 0
            with pytest.raises((DBAPIError, AttributeError)):
                create_engine(f"{before}postgres", poolclass=NullPool).connect()
            with superuser(cluster) as connection:
                able = text("SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin")
                assert connection.scalars(able).all() == [postgres.SUPERUSER]
        cluster.remove()


def _fill_as_before(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine(f"{server}postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {DATABASE}"))
    url = f"{server}{DATABASE}"
    monkeypatch.setenv("DATABASE_URL", url)
    config.settings.cache_clear()
    migrate()
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text("INSERT INTO units (unit_id) VALUES ('PAN001')"))
    config.settings.cache_clear()


def test_below_a_closed_folder_and_with_a_lost_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have the data and the programs below a home that only its owner may pass."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    installed = postgres._INSTALLATION
    packages = installed.parents[1]
    for part in (installed, packages / f"{installed.parent.name}.libs"):
        shutil.copytree(part, home / part.relative_to(packages), symlinks=True)
    monkeypatch.setattr(postgres, "_INSTALLATION", home / installed.relative_to(packages))
    cluster = Cluster(home / "postgres", free_port())
    with _started(cluster):
        create_database(cluster)
    assert cluster.data_dir.is_symlink() == AS_ROOT
    cluster.key_file.unlink()
    with _started(cluster):
        create_database(cluster)
        with create_engine(cluster.url(), poolclass=NullPool).begin() as connection:
            assert connection.scalar(text("SELECT current_user")) == OWNER
    place = unprivileged.place(cluster.data_dir)
    cluster.remove()
    assert not place.exists()
    assert not [file for file in home.iterdir() if file.name.startswith("postgres")]


def test_a_cluster_of_another_user_is_not_taken(tmp_path: Path) -> None:
    if not AS_ROOT:
        pytest.skip("only root could take it")
    cluster = Cluster(tmp_path / "postgres", free_port())
    cluster.create()
    place = unprivileged.place(cluster.data_dir)
    os.chown(place, 1234, 1234)
    with pytest.raises(RuntimeError, match="use each checkout as one user"):
        cluster.create()


AS_PLAIN_USER = """
import signal, sys
from pathlib import Path
from local.postgres import Cluster
from local.postgres_roles import create_database
from tests.conftest import free_port, serving
from sqlalchemy import create_engine, text
cluster = Cluster(Path(sys.argv[1]) / "postgres", free_port())
cluster.create()
with serving(cluster.command(), cluster.is_ready, signal.SIGINT):
    create_database(cluster)
    with create_engine(cluster.url()).connect() as connection:
        print(connection.scalar(text("SELECT current_user")))
"""


def test_a_plain_user_has_the_same(tmp_path: Path) -> None:
    if not AS_ROOT:
        pytest.skip("all other tests have shown it")
    with TemporaryDirectory(prefix="panoptes-") as folder:
        os.chown(folder, unprivileged.NAMED_ID, unprivileged.NAMED_ID)
        ids = [f"--reuid={unprivileged.NAMED_ID}", f"--regid={unprivileged.NAMED_ID}"]
        as_user = ["setpriv", *ids, "--clear-groups"]
        done = subprocess.run(
            [*as_user, "--", sys.executable, "-c", AS_PLAIN_USER, folder],
            check=False,
            capture_output=True,
            text=True,
            env={"HOME": folder, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert done.stdout == f"{OWNER}\n", done.stderr
        assert (Path(folder) / "postgres").owner() == "nobody"
