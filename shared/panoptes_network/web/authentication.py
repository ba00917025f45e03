"""Who calls: a Google-signed identity token says it, for services that not everyone may call.

Cloud Run checks the same before a request comes here, if it is told to. That is one setting of
a deployment, easily lost; this check goes with the code. Where ``ALLOWED_CALLERS`` is empty,
nobody is asked on one machine, and nobody is let in on Cloud Run.
"""

import hmac
import time
from functools import cache
from typing import Any

import requests
from cachecontrol import CacheControl
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from pydantic import BaseModel, FiniteFloat, StrictBool, ValidationError
from werkzeug.datastructures import Headers

from panoptes_network.config import on_cloud_run, settings
from panoptes_network.errors import TransientError

LEEWAY_S = 30
"""By how much two clocks may differ."""

CERTIFICATES_TIMEOUT_S = 5
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})

_NO_SIGNATURE = "SIGNATURE_REMOVED_BY_GOOGLE"
"""What Cloud Run, once it has checked a token, puts in the place of its signature."""


class RefusedError(Exception):
    """A caller who is not let in; `status` is 401 for an unknown one, 403 for a known one."""

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
    """Return the account that calls; None where nobody is asked.

    Parameters
    ----------
    public : bool
        Anyone reaches the service, so that the platform has checked nobody: each token's
        signature is verified here, whatever TOKEN_CHECKED_BY_PLATFORM says.

    Raises
    ------
    RefusedError
        Without a valid token for this service, or with one of an account that may not call.
    TransientError
        When the issuer's certificates cannot be had.
    """
    allowed = _list(settings().allowed_callers)
    if not allowed and on_cloud_run():
        raise RefusedError(403, "ALLOWED_CALLERS names nobody who may call this service")
    if not allowed:
        return None
    platform = settings().token_checked_by_platform and not public
    claims = _claims(_token(headers, platform=platform), platform=platform)
    if claims.aud not in _list(settings().token_audience) or claims.iss not in ISSUERS:
        raise RefusedError(401, "the token is not for this service, or not by Google")
    if not claims.iat - LEEWAY_S <= time.time() <= claims.exp + LEEWAY_S:
        raise RefusedError(401, "the token is not valid any more, or not yet")
    if not claims.email_verified or claims.email not in allowed:
        raise RefusedError(403, "the token is of an account that may not call this service")
    return claims.email


def _list(setting: str) -> frozenset[str]:
    return frozenset(filter(None, map(str.strip, setting.split(","))))


def _token(headers: Headers, *, platform: bool) -> str:
    """Return the token that was, or has to be, checked.

    Of two Cloud Run checks the one in its own header and lets the other through unseen.
    """
    value = headers.get("Authorization", "")
    if platform:
        value = headers.get("X-Serverless-Authorization", value)
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.isascii():
        raise RefusedError(401, "send an identity token: Authorization: Bearer …")
    return token.strip()


def _claims(token: str, *, platform: bool) -> _Claims:
    """Return what a token says, after its signature was verified: by the platform, or here.

    Only the platform takes a signature off. A token that still has one has not been verified,
    even where the platform should have done it.
    """
    verified = platform and hmac.compare_digest(token.rpartition(".")[2], _NO_SIGNATURE)
    certificates = None if verified else _certificates()
    try:
        payload = jwt.decode(
            token, certificates, verify=not verified, clock_skew_in_seconds=LEEWAY_S
        )
        return _Claims.model_validate(payload)
    except ValidationError:
        raise RefusedError(401, "the token lacks a claim that is needed") from None
    # A token may hold anything at all, and the library lets through what comes of it.
    except (GoogleAuthError, ValueError, TypeError, RecursionError):
        raise RefusedError(401, "the token is none, or is not signed, or is over") from None


def _certificates() -> dict[str, Any]:
    url = settings().token_issuer_certs_url
    try:
        response = _session().get(url, timeout=CERTIFICATES_TIMEOUT_S)
        response.raise_for_status()
        certificates = response.json()
    except requests.RequestException as error:
        forget_certificates()
        raise TransientError(f"the issuer's certificates cannot be had: {error}") from error
    if not isinstance(certificates, dict) or not certificates:
        forget_certificates()
        raise TransientError(f"{url} answers no certificates")
    return certificates


def forget_certificates() -> None:
    """Ask the issuer again the next time, whatever was answered and for how long that was to hold.

    A fault of the issuer's may say of itself that it can be kept for an hour.
    """
    _session().close()
    _session.cache_clear()


@cache
def _session() -> requests.Session:
    """Return a session that keeps the certificates for as long as their issuer says."""
    return CacheControl(requests.Session())
