"""Authentication of callers by Google-signed identity tokens, for services that are not public.

Cloud Run checks tokens before a request arrives here, if configured to. That setting of a
deployment is easily lost; this check is part of the code. If ``ALLOWED_CALLERS`` is empty, every
caller is accepted on one machine and none on Cloud Run.
"""

import hmac
import time
from functools import cache

import requests
from cachecontrol import CacheControl
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from pydantic import BaseModel, FiniteFloat, StrictBool, ValidationError
from werkzeug.datastructures import Headers

from panoptes_network.config import on_cloud_run, settings
from panoptes_network.errors import TransientError

LEEWAY_S = 30
"""Allowed difference between clocks."""

CERTIFICATES_TIMEOUT_S = 5
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})

_NO_SIGNATURE = "SIGNATURE_REMOVED_BY_GOOGLE"
"""Cloud Run's replacement for the signature of a token that it has verified."""


class RefusedError(Exception):
    """Refusal of a caller; `status` is 401 if unknown, 403 if known but not allowed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Claims(BaseModel):
    iss: str
    aud: str
    exp: FiniteFloat
    iat: FiniteFloat
    email: str
    email_verified: StrictBool


def check(headers: Headers, *, public: bool = False) -> str | None:
    """Return the caller's account; None if callers are not checked.

    Parameters
    ----------
    public : bool
        The service is public, so the platform has not checked callers: each token's signature is
        verified here, whatever TOKEN_CHECKED_BY_PLATFORM says.

    Raises
    ------
    RefusedError
        If there is no valid token for this service, or its account is not allowed.
    TransientError
        If the issuer's certificates are unavailable.
    """
    allowed = _list(settings().allowed_callers)
    if not allowed and on_cloud_run():
        raise RefusedError(403, "ALLOWED_CALLERS is empty, so nobody may call this service")
    if not allowed:
        return None
    platform = settings().token_checked_by_platform and not public
    claims = _claims(_token(headers, platform=platform), platform=platform)
    if claims.aud not in _list(settings().token_audience) or claims.iss not in ISSUERS:
        raise RefusedError(401, "the token is for another service, or not from Google")
    if not claims.iat - LEEWAY_S <= time.time() <= claims.exp + LEEWAY_S:
        raise RefusedError(401, "the token has expired or is not valid yet")
    if not claims.email_verified or claims.email not in allowed:
        raise RefusedError(403, "the token's account may not call this service")
    return claims.email


def _list(setting: str) -> frozenset[str]:
    return frozenset(filter(None, map(str.strip, setting.split(","))))


def _token(headers: Headers, *, platform: bool) -> str:
    """Return the token that was, or must be, verified.

    If there are two, Cloud Run verifies the one in its own header and passes on the other
    unchecked.
    """
    value = headers.get("Authorization", "")
    if platform:
        value = headers.get("X-Serverless-Authorization", value)
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.isascii():
        raise RefusedError(401, "send an identity token: Authorization: Bearer …")
    return token.strip()


def _claims(token: str, *, platform: bool) -> _Claims:
    """Return a token's claims after its signature was verified, by the platform or here.

    Only the platform removes signatures. A token that still has one was not verified, even if the
    platform should have done so.
    """
    verified = platform and hmac.compare_digest(token.rpartition(".")[2], _NO_SIGNATURE)
    certificates = None if verified else _certificates()
    try:
        payload = jwt.decode(
            token, certificates, verify=not verified, clock_skew_in_seconds=LEEWAY_S
        )
        return _Claims.model_validate(payload)
    except ValidationError:
        raise RefusedError(401, "the token lacks a required claim") from None
    # A token may contain anything, and the library lets some resulting errors through.
    except (GoogleAuthError, ValueError, TypeError, RecursionError):
        raise RefusedError(401, "the token is malformed, expired or not signed") from None


def _certificates() -> dict[str, str]:
    url = settings().token_issuer_certs_url
    try:
        response = _session().get(url, timeout=CERTIFICATES_TIMEOUT_S)
        response.raise_for_status()
        certificates = response.json()
    except requests.RequestException as error:
        forget_certificates()
        raise TransientError(f"the issuer's certificates are unavailable: {error}") from error
    if not isinstance(certificates, dict) or not certificates:
        forget_certificates()
        raise TransientError(f"{url} did not return certificates")
    return certificates


def forget_certificates() -> None:
    """Fetch the issuer's certificates again next time, ignoring the cached response.

    Even an error response of the issuer may declare itself cacheable for an hour.
    """
    _session().close()
    _session.cache_clear()


@cache
def _session() -> requests.Session:
    """Return a session that caches the certificates as long as their issuer allows."""
    return CacheControl(requests.Session())
