"""The settings of every service, from environment variables; read when asked, never at import."""

import os
from functools import cache
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What differs between the cloud, a test network and one machine.

    Each field is the environment variable of the same name in capitals. The defaults are
    those of the network on one machine; `local` writes the addresses.
    """

    # An error names the variable, not the values: an address may hold a password.
    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    google_cloud_project: str = Field("panoptes-local", description="project id")
    raw_bucket: str = Field("panoptes-raw", description="bucket that units upload to")
    processed_bucket: str = Field("panoptes-processed", description="bucket of the products")
    raw_topic: str = Field("raw-image-received", description="topic of arrived CR2 files")
    film_topic: str = Field(
        "sequence-quiet",
        description="topic of sequences whose film and light curves are to be made",
    )
    pipeline_topic: str = Field("image-pipeline", description="topic of images to solve")
    solver_subscription: str = Field("gce-plate-solver", description="the worker's subscription")
    light_curve_subscription: str = Field(
        "gce-light-curves", description="the subscription of those who make light curves"
    )
    light_curve_mag: float = Field(
        13.0,
        allow_inf_nan=False,
        description="Gaia G down to which a star has a light curve; of the fainter ones the light"
        " is taken off their neighbours",
    )
    database_url: str = Field(
        "postgresql+pg8000://localhost/metadata", description="SQLAlchemy address of the database"
    )
    cloud_sql_instance: str = Field(
        "",
        description="Cloud SQL instance PROJECT:REGION:NAME, reached as the service's account in"
        " place of the address's host; empty: that host",
    )
    database_writers: dict[str, list[str]] = Field(
        {},
        description="JSON of the database's users, each with the tables that it may write; they"
        " may read all",
    )
    image_received_url: str = Field(
        "http://127.0.0.1:8081", description="address of cf-image-received"
    )
    header_to_db_url: str = Field("http://127.0.0.1:8082", description="address of cf-header-to-db")
    observations_data_url: str = Field(
        "http://127.0.0.1:8083", description="address of observations-data"
    )
    public_url: str = Field(
        "",
        description="address under which a web service is known, which what it writes for programs"
        " elsewhere begins with; empty: only this machine knows it",
    )
    sequence_quiet_s: float = Field(
        600, gt=0, description="a sequence that nothing happened to for so long is filmed, seconds"
    )
    sweep_grace_s: float = Field(
        300, gt=0, description="what arrived is missed when nothing came of it for so long, seconds"
    )
    sweep_lease_s: float = Field(
        900,
        gt=0,
        description="an image at which nothing happens for so long is sent again, seconds",
    )
    request_timeout_s: float = Field(
        60, gt=0, description="limit of a request between services, seconds"
    )
    read_timeout_s: float = Field(
        10, gt=0, description="limit of one query that a web page asks for, seconds"
    )
    page_timeout_s: float = Field(
        30, gt=0, description="limit of all that one page asks observations-data for, seconds"
    )
    file_timeout_s: float = Field(
        4, gt=0, description="limit of the storage's silence where a reader waits, seconds"
    )
    security_contact: str = Field(
        "",
        pattern="^((mailto|tel):|https://|$)[!-:<-~]*$",
        description="where to report a vulnerability, `mailto:…` or `https://…`; empty: there is"
        " no security.txt",
    )
    allowed_callers: str = Field(
        "",
        description="service accounts whose identity tokens are accepted, comma separated;"
        " empty: no token is asked for, but on Cloud Run nobody is let in",
    )
    token_audience: str = Field(
        "", description="addresses of this service that a token may be for, comma separated"
    )
    token_issuer_certs_url: str = Field(
        "https://www.googleapis.com/oauth2/v1/certs",
        description="certificates that tokens are signed with",
    )
    token_checked_by_platform: bool = Field(
        False,
        description="Cloud Run has checked a token's signature, and taken it off: only on Cloud"
        " Run, for a service that nobody without the invoker's role reaches",
    )
    send_identity_token: bool = Field(
        False, description="requests to the next service carry an identity token"
    )
    rate_limit: str = Field(
        "1000 per 10 seconds",
        description="requests that one address may make to one instance of a web service",
    )
    trusted_proxies: int = Field(
        0, ge=0, description="proxies before a web service that say who asks; on Cloud Run 1"
    )
    astrometry_index_dir: str = Field(
        "/usr/share/astrometry", description="folder of astrometry.net index files"
    )
    solve_cpu_limit_s: int = Field(30, gt=0, description="CPU seconds that one solve may take")
    source_mag: float = Field(
        12.5,
        allow_inf_nan=False,
        description="catalog magnitude down to which a star has a row in every solved frame, seen"
        " or not",
    )
    health_host: str = Field(
        "127.0.0.1", description="address on which a worker tells its health; 0.0.0.0 for all"
    )
    health_port: int = Field(
        0, ge=0, le=65535, description="port of a worker's /health and /ready; 0 for none"
    )

    @model_validator(mode="after")
    def _a_token_is_for_somebody(self) -> Self:
        if self.allowed_callers and not self.token_audience:
            raise ValueError("token_audience: needed where allowed_callers is set")
        return self

    @model_validator(mode="after")
    def _only_the_platform_is_believed(self) -> Self:
        if self.token_checked_by_platform and not on_cloud_run():
            raise ValueError("token_checked_by_platform: nobody has checked tokens but Cloud Run")
        return self


def on_cloud_run() -> bool:
    """Return whether Cloud Run started this process: it tells each instance its service's name."""
    return bool(os.environ.get("K_SERVICE"))


@cache
def settings() -> Settings:
    """Return this process's settings; pydantic.ValidationError names a wrong variable."""
    return Settings()
