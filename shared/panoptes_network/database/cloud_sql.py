"""Connections to Cloud SQL: encrypted, and as the service's own account, without a password."""

from functools import cache
from typing import TYPE_CHECKING, Any

from google.auth.exceptions import GoogleAuthError
from sqlalchemy.engine import make_url

from panoptes_network.config import settings

if TYPE_CHECKING:
    from google.cloud.sql.connector import Connector


def connect(timeout_s: float) -> Any:
    """Connect to CLOUD_SQL_INSTANCE over its private address.

    Parameters
    ----------
    timeout_s : float
        For how long a connection waits for an answer, seconds.

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
        connection = connector().connect(
            settings().cloud_sql_instance, "pg8000", user=address.username, db=address.database
        )
    except (ClientError, GoogleAuthError) as error:
        raise ConnectionError(f"no way to {settings().cloud_sql_instance}: {error}") from error
    # The connector makes the socket, and pg8000 sets a timeout only on one that it makes itself.
    connection._usock.settimeout(timeout_s)  # noqa: SLF001
    return connection


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

    return Connector(ip_type="private", enable_iam_auth=True, refresh_strategy=RefreshStrategy.LAZY)
