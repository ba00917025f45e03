"""Target of a deployment: project, region, environment, and resource names."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from deployment.service import (
    Deployment,
    Grant,
    Kind,
    address_variable,
    deployments,
    writers,
)
from panoptes_network.config import Settings
from panoptes_network.web.admission import SPARE_THREADS

PRODUCTION = "prod"
"""The environment whose resources carry no suffix."""

DATABASE = "metadata"
HEALTH_PORT = 8080
SMTP_SECRET = "smtp-url"  # noqa: S105 - its name

BUCKETS = {"RAW_BUCKET": "raw", "PROCESSED_BUCKET": "processed"}
"""Contents of the buckets, by setting."""

_PRIVATE = {"TOKEN_CHECKED_BY_PLATFORM": "true", "SEND_IDENTITY_TOKEN": "true"}
"""Settings of a service that Cloud Run keeps strangers from; of a public one it checks no token."""

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9]{0,7}")


@dataclass(frozen=True, slots=True)
class Target:
    """A network in the cloud.

    Attributes
    ----------
    project : str
        Its id.
    region : str
    environment : str
        `prod`, or what the names of all resources end with: `test` makes `image-pipeline-test`.
    project_number : str
        Part of the services' addresses.
    security_contact : str
        Where to report a vulnerability; SECURITY_CONTACT of the web services.
    mail_from : str
        Sender of notifications; with it, SMTP_URL is the newest version of a secret.

    Raises
    ------
    ValueError
        For a name that Google would refuse, or that leaves too little room for a suffix.
    """

    project: str
    region: str
    environment: str
    project_number: str
    security_contact: str = ""
    mail_from: str = ""

    def __post_init__(self) -> None:
        for value, pattern, what in (
            (self.project, _PROJECT, "project id"),
            (self.region, _REGION, "region"),
            (self.environment, _ENVIRONMENT, "environment: use a letter, then up to 7 of a-z, 0-9"),
        ):
            if not pattern.fullmatch(value):
                raise ValueError(f"{value!r} is not a valid {what}")

    def name(self, resource: str) -> str:
        """Return a resource's name in this environment; infra/names/main.tf has the same rule."""
        suffix = "" if self.environment == PRODUCTION else f"-{self.environment}"
        return f"{resource}{suffix}"

    def bucket(self, content: str) -> str:
        """Return a bucket's name; those of all the world's projects differ."""
        return self.name(f"{self.project}-{content}")

    def account(self, service: str) -> str:
        """Return the service account that a service, or a caller, runs as."""
        return f"{self.name(service)}@{self.project}.iam.gserviceaccount.com"

    def url(self, service: str) -> str:
        """Return the address that Cloud Run gives a service."""
        return f"https://{self.name(service)}-{self.project_number}.{self.region}.run.app"

    def image(self, service: str, tag: str) -> str:
        """Return the address of a container image."""
        registry = f"{self.region}-docker.pkg.dev/{self.project}/{self.name('panoptes')}"
        return f"{registry}/{service}:{tag}"

    @property
    def cloud_sql_instance(self) -> str:
        """The instance's name for the Cloud SQL connector."""
        return f"{self.project}:{self.region}:{self.name('panoptes-meta')}"

    def database_user(self, service: str) -> str:
        """Return the database's user of a service: its account without the common end."""
        return self.account(service).removesuffix(".gserviceaccount.com")

    def database_url(self, service: str) -> str:
        """Return the address of the database for a service; CLOUD_SQL_INSTANCE says where."""
        user = self.database_user(service).replace("@", "%40")
        return f"postgresql+pg8000://{user}@/{DATABASE}"


def environment(service: str, target: Target) -> dict[str, str]:
    """Return the environment variables of a service; those not named keep their defaults."""
    deployment = deployments()[service]
    values = {name: _value(name, service, target) for name in deployment.settings}
    known = {name: value for name, value in values.items() if value is not None}
    if deployment.kind is Kind.FUNCTION:
        # functions-framework's; a web service's are in its Procfile.
        known["THREADS"] = str(deployment.concurrency + SPARE_THREADS)
    return known


def secrets(service: str, target: Target) -> dict[str, str]:
    """Return the environment variables of a service that come from secrets, with their names."""
    has_mail = bool(target.mail_from) and "SMTP_URL" in deployments()[service].settings
    return {"SMTP_URL": target.name(SMTP_SECRET)} if has_mail else {}


def callers(service: str) -> list[str]:
    """Return who calls a service by an account: other services, operators, senders of requests.

    Anyone may call a public service; by an account only whoever reads its metrics does.
    """
    deployment = deployments()[service]
    if deployment.public:
        return ["monitoring"]
    invoker = Grant(role="roles/run.invoker", on=address_variable(service))
    found = [name for name, one in deployments().items() if invoker in one.grants]
    found += ["operator"]
    found += ["eventarc"] if deployment.event else []
    found += ["pubsub-push"] if deployment.subscriptions or service == "cf-operations" else []
    found += ["scheduler"] if deployment.schedules else []
    return found


def _value(name: str, service: str, target: Target) -> str | None:
    """Return the value of a setting; None where its default holds in the cloud, too."""
    if name in BUCKETS:
        return target.bucket(BUCKETS[name])
    if name.endswith(("_TOPIC", "_SUBSCRIPTION")):
        return target.name(str(Settings.model_fields[name.lower()].default))
    known = {address_variable(one): one for one in deployments()}
    if name in known:
        return target.url(known[name])
    return _fixed(service, deployments()[service], target).get(name)


def _fixed(service: str, deployment: Deployment, target: Target) -> dict[str, str]:
    return {
        "GOOGLE_CLOUD_PROJECT": target.project,
        "DATABASE_URL": target.database_url(service),
        "CLOUD_SQL_INSTANCE": target.cloud_sql_instance,
        "DATABASE_WRITERS": json.dumps(_users(writers().items(), target)),
        "ALLOWED_CALLERS": ",".join(map(target.account, callers(service))),
        "TOKEN_AUDIENCE": target.url(service),
        **({} if deployment.public else _PRIVATE),
        "PUBLIC_URL": target.url(service),
        "TRUSTED_PROXIES": "1",
        "SECURITY_CONTACT": target.security_contact,
        "MAIL_FROM": target.mail_from,
        "HEALTH_HOST": "0.0.0.0",  # noqa: S104 - inside a container, for the health check
        "HEALTH_PORT": str(HEALTH_PORT),
    }


def _users(tables: Iterable[tuple[str, list[str]]], target: Target) -> dict[str, list[str]]:
    return {target.database_user(service): written for service, written in tables}
