"""Google's part in identities, with keys of its own: signs tokens, shows certificates, gives out
tokens as the metadata server of a machine does."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt
from werkzeug.wrappers import Request, Response

AUDIENCE = "https://cf-image-received-abc-uc.a.run.app"
CALLER = "cf-bucket-upload@panoptes-local.iam.gserviceaccount.com"
PLATFORM = "SIGNATURE_REMOVED_BY_GOOGLE"


@dataclass(frozen=True)
class Key:
    """A key that tokens are signed with, under the id that its certificate has."""

    key_id: str
    private: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    @cached_property
    def certificate(self) -> str:
        """Return the certificate as Google shows it: X.509 in PEM."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(name, name, self.private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.private, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, claims: object, **header: Any) -> str:
        token: bytes = jwt.encode(self._signer, claims, header or None)
        return token.decode()

    @cached_property
    def _signer(self) -> crypt.RSASigner:
        # Reading a key checks its primes, which takes longer than all else of a token.
        pem = self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        signer: crypt.RSASigner = crypt.RSASigner.from_string(pem, self.key_id)
        return signer


@dataclass
class Issuer:
    """Answers as Google's certificates' address and, below /computeMetadata, a machine's."""

    key: Key = field(default_factory=lambda: Key("key-1"))
    status: int = 200
    body: bytes | None = None
    max_age_s: int = 3600
    lifetime_s: float = 3600
    asked: list[str] = field(default_factory=list)

    def token(self, without: str = "", key: Key | None = None, **changed: Any) -> str:
        """Return a token as Google signs it for a service account, or one that is not quite."""
        now = int(time.time())
        claims = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "azp": "1234567890",
            "sub": "1234567890",
            "email": CALLER,
            "email_verified": True,
            "iat": now,
            "exp": now + self.lifetime_s,
            **changed,
        }
        claims.pop(without, None)
        return (key or self.key).sign(claims)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        request = Request(environ)
        self.asked.append(request.path)
        flavor = {"Metadata-Flavor": "Google"}
        if request.path.endswith("/identity"):
            audience = request.values["audience"]
            text, headers = self.token(aud=audience), {**flavor, "Content-Type": "text/html"}
        elif request.path.endswith("/default/"):
            text = json.dumps({"email": CALLER, "scopes": [], "aliases": ["default"]})
            headers = {**flavor, "Content-Type": "application/json"}
        elif request.path == "/":
            text, headers = "computeMetadata/\n", flavor
        else:
            text = json.dumps({self.key.key_id: self.key.certificate})
            headers = {"Cache-Control": f"public, max-age={self.max_age_s}"}
        body = text.encode() if self.body is None else self.body
        return Response(body, self.status, headers)(environ, start_response)


def bearer(token: str) -> dict[str, str]:
    """Return the headers of a request with a token."""
    return {"Authorization": f"Bearer {token}"}


def unsigned(token: str) -> str:
    """Return a token as Cloud Run hands it on once it has checked it."""
    return f"{token.rpartition('.')[0]}.{PLATFORM}"


def host(url: str) -> str:
    """Return the host and port of an address."""
    return urlsplit(url).netloc
