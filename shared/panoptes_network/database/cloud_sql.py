"""Encrypted connections to Cloud SQL with the service's own account, without a password."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from google.auth.exceptions import GoogleAuthError
from sqlalchemy.engine import make_url

from panoptes_network.config import settings

if TYPE_CHECKING:
    import pg8000.dbapi
    from google.cloud.sql.connector import Connector

CONNECT_TIMEOUT_S = 8
"""Time limit for connecting, including the request for the certificate."""


def connect(startup: Mapping[str, str]) -> "pg8000.dbapi.Connection":
    """Connect to CLOUD_SQL_INSTANCE over its private address.

    Parameters
    ----------
    startup : mapping
        Server settings of the session, by name.

    Returns
    -------
    pg8000.dbapi.Connection
        Connected to the database in DATABASE_URL, as the user named there.

    Raises
    ------
    OSError
        If the instance, or Google's API for the certificate, is unavailable or refuses.
    """
    from aiohttp import ClientError  # noqa: PLC0415 - see connector()

    address = make_url(settings().database_url)
    try:
        return connector().connect(
            settings().cloud_sql_instance,
            "pg8000",
            user=address.username,
            db=address.database,
            startup_params=dict(startup),
        )
    except (ClientError, GoogleAuthError) as error:
        instance = settings().cloud_sql_instance
        raise ConnectionError(f"cannot connect to {instance}: {error}") from error


@cache
def connector() -> "Connector":
    """Return this process's connector; it requests a certificate when one is needed.

    A certificate refreshed in the background could expire while a serverless instance has no CPU.
    """
    from google.cloud.sql.connector import (  # noqa: PLC0415 - half a second, only in the cloud
        Connector,
        RefreshStrategy,
    )

    return Connector(
        ip_type="private",
        enable_iam_auth=True,
        timeout=CONNECT_TIMEOUT_S,
        refresh_strategy=RefreshStrategy.LAZY,
    )
