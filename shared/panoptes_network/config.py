"""Settings of all services, read from environment variables on demand, never at import."""

import os
from functools import cache
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings that differ between the cloud, a test network and a single machine.

    Each field is read from the environment variable of the same name in capitals. The
    defaults suit the network on one machine, where `local` sets the URLs.
    """

    # Errors name the variable but not its value: a URL may contain a password.
    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    google_cloud_project: str = Field("panoptes-local", description="project id")
    raw_bucket: str = Field("panoptes-raw", description="bucket that units upload to")
    processed_bucket: str = Field("panoptes-processed", description="bucket for products")
    raw_topic: str = Field("raw-image-received", description="topic of uploaded CR2 files")
    film_topic: str = Field(
        "sequence-quiet",
        description="topic of idle sequences whose film and light curves are due",
    )
    pipeline_topic: str = Field("image-pipeline", description="topic of images to solve")
    solver_subscription: str = Field(
        "gce-plate-solver", description="the plate solver's subscription"
    )
    light_curve_subscription: str = Field(
        "gce-light-curves", description="the light-curve worker's subscription"
    )
    light_curve_mag: float = Field(
        13.0,
        allow_inf_nan=False,
        description="faintest Gaia G magnitude of stars with a light curve; fainter stars are only"
        " subtracted from their neighbours",
    )
    database_url: str = Field(
        "postgresql+pg8000://localhost/metadata", description="SQLAlchemy URL of the database"
    )
    cloud_sql_instance: str = Field(
        "",
        description="Cloud SQL instance PROJECT:REGION:NAME, connected to as the service's account"
        " instead of the URL's host; empty: use the URL's host",
    )
    database_writers: dict[str, list[str]] = Field(
        {},
        description="JSON object of database users, each with the tables it may write; all of these"
        " users may read every table but `subscriptions`, which its writers read",
    )
    image_received_url: str = Field("http://127.0.0.1:8081", description="URL of cf-image-received")
    header_to_db_url: str = Field("http://127.0.0.1:8082", description="URL of cf-header-to-db")
    observations_data_url: str = Field(
        "http://127.0.0.1:8083", description="URL of observations-data"
    )
    public_url: str = Field(
        "",
        description="public base URL of a web service, used in links and documents for programs"
        " elsewhere; empty: no public URL",
    )
    observations_explorer_url: str = Field(
        "http://127.0.0.1:8080", description="URL of observations-explorer, linked in notifications"
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="mail server for notifications: `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or"
        " `smtps://USER:PASSWORD@HOST:465`; empty: no mail is sent",
    )
    mail_from: str = Field(
        "",
        pattern="^([!#-'*+./0-9=?A-Z^_`a-z{|}~-]+@[A-Za-z0-9.-]+)?$",
        description="sender of notifications, an address; empty: no mail is sent",
    )
    sequence_quiet_s: float = Field(
        600, gt=0, description="idle seconds after which a sequence's film is made"
    )
    sweep_grace_s: float = Field(
        300, gt=0, description="seconds after which an upload without results counts as lost"
    )
    sweep_lease_s: float = Field(
        900,
        gt=0,
        description="idle seconds after which an unfinished image is sent again",
    )
    night_quiet_s: float = Field(
        3600,
        gt=0,
        description="seconds without an upload after which a night is reported to the unit's owner",
    )
    silent_after_s: float = Field(
        259_200,
        gt=0,
        description="seconds without images after which a unit's owner is told that it is silent",
    )
    request_timeout_s: float = Field(
        60, gt=0, description="time limit of a request between services, seconds"
    )
    read_timeout_s: float = Field(
        10, gt=0, description="time limit of one database query of a web page, seconds"
    )
    page_timeout_s: float = Field(
        30,
        gt=0,
        description="time limit of all requests to observations-data for one page, seconds",
    )
    file_timeout_s: float = Field(
        4,
        gt=0,
        description="longest wait for the next bytes from storage while a reader waits, seconds",
    )
    security_contact: str = Field(
        "",
        pattern="^((mailto|tel):|https://|$)[!-:<-~]*$",
        description="where to report a vulnerability, `mailto:…` or `https://…`; empty: no"
        " security.txt",
    )
    allowed_callers: str = Field(
        "",
        description="service accounts whose identity tokens are accepted, comma separated; empty:"
        " no token is required, except that Cloud Run refuses every caller",
    )
    token_audience: str = Field(
        "", description="audiences accepted in tokens: URLs of this service, comma separated"
    )
    token_issuer_certs_url: str = Field(
        "https://www.googleapis.com/oauth2/v1/certs",
        description="URL of the certificates that verify tokens",
    )
    token_checked_by_platform: bool = Field(
        False,
        description="trust Cloud Run to have verified tokens and removed their signatures; valid"
        " only on Cloud Run, for a service that requires the invoker role",
    )
    send_identity_token: bool = Field(
        False, description="send an identity token with requests to the next service"
    )
    rate_limit: str = Field(
        "1000 per 10 seconds",
        description="requests that one client address may make to one instance of a web service",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        description="number of proxies in front of a web service that report the client's address;"
        " 1 on Cloud Run",
    )
    astrometry_index_dir: str = Field(
        "/usr/share/astrometry", description="folder of astrometry.net index files"
    )
    solve_cpu_limit_s: int = Field(
        30, gt=0, description="CPU time limit of one plate solution, seconds"
    )
    source_mag: float = Field(
        12.5,
        allow_inf_nan=False,
        description="faintest catalog magnitude of stars with a row in every solved frame, detected"
        " or not",
    )
    health_host: str = Field(
        "127.0.0.1",
        description="address that a worker's health endpoint listens on; 0.0.0.0 for all",
    )
    health_port: int = Field(
        0, ge=0, le=65535, description="port of a worker's /health and /ready; 0 for none"
    )

    @model_validator(mode="after")
    def _a_token_is_for_somebody(self) -> Self:
        if self.allowed_callers and not self.token_audience:
            raise ValueError("token_audience: required when allowed_callers is set")
        return self

    @model_validator(mode="after")
    def _only_the_platform_is_believed(self) -> Self:
        if self.token_checked_by_platform and not on_cloud_run():
            raise ValueError("token_checked_by_platform: valid only on Cloud Run")
        return self


def on_cloud_run() -> bool:
    """Return whether this process runs on Cloud Run, which sets K_SERVICE."""
    return bool(os.environ.get("K_SERVICE"))


@cache
def settings() -> Settings:
    """Return this process's settings; pydantic.ValidationError names an invalid variable."""
    return Settings()
