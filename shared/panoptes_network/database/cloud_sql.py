"""Connections to Cloud SQL: encrypted, and as the service's own account, without a password."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from google.auth.exceptions import GoogleAuthError
from sqlalchemy.engine import make_url

from panoptes_network.config import settings

if TYPE_CHECKING:
    from google.cloud.sql.connector import Connector

CONNECT_TIMEOUT_S = 8
"""For how long a connection may take, the certificate for it included."""


def connect(startup: Mapping[str, str]) -> Any:
    """Connect to CLOUD_SQL_INSTANCE over its private address.

    Parameters
    ----------
    startup : mapping
        The session's settings of the server, by name.

    Returns
    -------
    pg8000.dbapi.Connection
        As the user, and to the database, that DATABASE_URL names.

    Raises
    ------
    OSError
        When the instance, or Google's interface that gives the certificate, is away or refuses.
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
        raise ConnectionError(f"no way to {settings().cloud_sql_instance}: {error}") from error


@cache
def connector() -> "Connector":
    """Return this process's connector; it asks for a certificate when one is needed.

    A certificate that is renewed in the background would be out of date where a serverless
    instance had no processor meanwhile.
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
