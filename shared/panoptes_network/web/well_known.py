"""Files at well-known URLs: security.txt (RFC 9116) and robots.txt."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from flask import Flask, Response
from werkzeug.exceptions import NotFound

from panoptes_network.config import settings
from panoptes_network.web import public_url

SECURITY_PATH = "/.well-known/security.txt"
VALID_FOR = timedelta(days=180)
"""RFC 9116 recommends less than a year, so that nobody trusts an old copy."""


def register(app: Flask, closed: Collection[str]) -> None:
    """Serve both files.

    Parameters
    ----------
    closed : collection of str
        Path prefixes that robots are asked not to visit; ``*`` matches anything.
    """
    robots = "".join(f"{line}\n" for line in ("User-agent: *", *map(_disallow, closed)))

    def robots_txt() -> Response:
        """Serve robots.txt."""
        return Response(robots, mimetype="text/plain")

    app.add_url_rule("/robots.txt", "robots_txt", robots_txt)
    app.add_url_rule(SECURITY_PATH, "security_txt", _security_txt)


def _disallow(path: str) -> str:
    return f"Disallow: {path}"


def _security_txt() -> Response:
    """Serve security.txt."""
    if not settings().security_contact:
        raise NotFound(
            "This service has no security contact. Its operator can set SECURITY_CONTACT."
        )
    fields = {"Contact": settings().security_contact, "Expires": _expires(), **_canonical()}
    lines = [
        f"{name}: {value}\n" for name, value in {**fields, "Preferred-Languages": "en"}.items()
    ]
    return Response("".join(lines), mimetype="text/plain")


def _expires() -> str:
    """Return an expiry time that changes once a day, so that the file has one ETag per day."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{today + VALID_FOR:%Y-%m-%dT%H:%M:%SZ}"


def _canonical() -> dict[str, str]:
    """Return the file's own URL if it is https, the only kind that RFC 9116 allows."""
    if not settings().public_url.startswith("https://"):
        return {}
    return {"Canonical": public_url.absolute(SECURITY_PATH)}
