"""The account as which a unit uploads, and the Google Cloud CLI commands that make it.

`infra/uploads.tf` makes the same account with the same rights for units in its variable `units`.
"""

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_fixed

from panoptes_network import id_spellings
from panoptes_network.errors import PermanentError, Reason

Command = list[str]

ROLE = "roles/storage.objectUser"
"""It includes replacing an object, which a unit does when it uploads a file again."""
PRODUCTION = "prod"
"""The environment whose resource names have no suffix."""
TEST_UNITS = frozenset(f"PAN{number:03}" for number in range(10))
"""Units for tests, which have no place in production."""
NEW_ACCOUNT_TRIES = 4
NEW_ACCOUNT_PAUSE_S = 5.0
"""A new account takes some seconds to be known to all of Google Cloud."""


@dataclass(frozen=True, slots=True)
class UploadIdentity:
    """A unit's service account and the prefix of the raw bucket that it may write.

    Attributes
    ----------
    unit_id : str
    project : str
        Project id.
    environment : str
        `prod`, or the suffix of all resource names.
    """

    unit_id: str
    project: str
    environment: str

    @property
    def bucket(self) -> str:
        """The raw bucket."""
        return f"{self.project}-raw{self._suffix}"

    @property
    def account(self) -> str:
        """Name of the service account."""
        return f"unit-{self.unit_id.lower()}{self._suffix}"

    @property
    def email(self) -> str:
        """Address of the service account."""
        return f"{self.account}@{self.project}.iam.gserviceaccount.com"

    @property
    def condition(self) -> str:
        """The condition on the role, in the Common Expression Language."""
        return (
            'resource.type == "storage.googleapis.com/Object" && resource.name.startsWith('
            f'"projects/_/buckets/{self.bucket}/objects/{self.unit_id}/")'
        )

    @property
    def create(self) -> Command:
        """Command that creates the account."""
        return [
            *("gcloud", "iam", "service-accounts", "create", self.account),
            *(f"--display-name=Uploads of {self.unit_id}", f"--project={self.project}"),
        ]

    @property
    def grant(self) -> Command:
        """Command that lets the account write below the unit's prefix, and nowhere else."""
        return [
            *("gcloud", "storage", "buckets", "add-iam-policy-binding", f"gs://{self.bucket}"),
            *(f"--member=serviceAccount:{self.email}", f"--role={ROLE}"),
            f"--condition=^;^title=below {self.unit_id};expression={self.condition}",
        ]

    def create_key(self, file: Path) -> Command:
        """Return the command that writes a new key to `file`."""
        return [
            *("gcloud", "iam", "service-accounts", "keys", "create", str(file)),
            *(f"--iam-account={self.email}", f"--project={self.project}"),
        ]

    @property
    def find(self) -> Command:
        """Command that prints the account's address, or nothing if there is no account."""
        return [
            *("gcloud", "iam", "service-accounts", "list", f"--project={self.project}"),
            *(f"--filter=email={self.email}", "--format=value(email)"),
        ]

    @property
    def policy(self) -> Command:
        """Command that prints the bucket's roles as JSON."""
        address = f"gs://{self.bucket}"
        return ["gcloud", "storage", "buckets", "get-iam-policy", address, "--format=json"]

    @property
    def keys(self) -> Command:
        """Command that prints the names of the account's keys."""
        return [
            *("gcloud", "iam", "service-accounts", "keys", "list", "--managed-by=user"),
            *(f"--iam-account={self.email}", f"--project={self.project}", "--format=value(name)"),
        ]

    @property
    def _suffix(self) -> str:
        return "" if self.environment == PRODUCTION else f"-{self.environment}"


class GcloudError(click.ClickException):
    """The Google Cloud CLI refused a command, or is not installed."""


class State(NamedTuple):
    """The parts of an upload identity that exist.

    Attributes
    ----------
    has_account : bool
    may_upload : bool
        Whether the account has its role on the bucket.
    n_keys : int
    """

    has_account: bool
    may_upload: bool
    n_keys: int


def checked_unit(text: str, environment: str | None = None) -> str:
    """Return a unit's id in capitals.

    Raises
    ------
    PermanentError
        BAD_REQUEST if it is not a unit's id, or a test unit's in production.
    """
    unit_id = id_spellings.unit(text)
    if unit_id is None:
        raise PermanentError(
            Reason.BAD_REQUEST, f"{text!r} is not a unit: PAN and three digits, such as PAN012"
        )
    if environment == PRODUCTION and unit_id in TEST_UNITS:
        raise PermanentError(
            Reason.BAD_REQUEST,
            f"{unit_id} is a test unit, which has no place in production: take PAN010 or above",
        )
    return unit_id


def run_gcloud(command: Command) -> str:
    """Run a command of the Google Cloud CLI and return its output.

    Raises
    ------
    GcloudError
        With the command's own words, if it fails or is not installed.
    """
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise GcloudError(
            "the Google Cloud CLI (gcloud) is not installed here. --dry-run prints its commands"
        ) from error
    except subprocess.CalledProcessError as error:
        words = " ".join(error.stderr.split()).rstrip(".")
        raise GcloudError(f"{shlex.join(command[:4])} failed: {words}") from error
    return done.stdout


def state_of(identity: UploadIdentity) -> State:
    """Return what the unit has already, by the Google Cloud CLI.

    Raises
    ------
    GcloudError
        See `run_gcloud`.
    """
    has_account = bool(run_gcloud(identity.find).strip())
    may_upload = has_role(identity, run_gcloud(identity.policy))
    n_keys = len(run_gcloud(identity.keys).split()) if has_account else 0
    return State(has_account, may_upload, n_keys)


def has_role(identity: UploadIdentity, policy: str) -> bool:
    """Return whether a bucket's policy, as JSON, has the account's role."""
    member = f"serviceAccount:{identity.email}"
    bindings = json.loads(policy or "{}").get("bindings", [])
    return any(member in one["members"] and one["role"] == ROLE for one in bindings)


def missing(
    identity: UploadIdentity, state: State, key_file: Path, *, new_key: bool = False
) -> list[Command]:
    """Return the commands that create what the unit lacks, in order.

    Parameters
    ----------
    new_key : bool
        Create a key even if the account has one.

    Raises
    ------
    PermanentError
        BAD_REQUEST if a key is to be created and its file exists.
    """
    commands = []
    if not state.has_account:
        commands.append(identity.create)
    if not state.may_upload:
        commands.append(identity.grant)
    if new_key or not state.n_keys:
        if key_file.exists():
            raise PermanentError(
                Reason.BAD_REQUEST, f"{key_file} exists: move it, or give --key-file"
            )
        commands.append(identity.create_key(key_file))
    return commands


def _is_not_known_yet(error: BaseException) -> bool:
    return isinstance(error, GcloudError) and "does not exist" in str(error)


@retry(
    retry=retry_if_exception(_is_not_known_yet),
    stop=stop_after_attempt(NEW_ACCOUNT_TRIES),
    wait=wait_fixed(NEW_ACCOUNT_PAUSE_S),
    reraise=True,
)
def run_patiently(command: Command) -> None:
    """Run a command; repeat it while the account was created too recently to be known.

    Raises
    ------
    GcloudError
        See `run_gcloud`.
    """
    run_gcloud(command)
