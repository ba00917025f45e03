"""What stands where Cloud SQL does: its interface for certificates, and its encrypted front.

The certificates are made and asked for as Google's are: the interface signs the client's key, the
front lets in only who has such a certificate. Behind it is a real PostgreSQL.
"""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth.credentials import Credentials
from werkzeug.wrappers import Request, Response

FRONT = ("127.0.33.7", 3307)
"""The connector knows the port, and takes the address from the interface."""

TOKEN = "a token of the account"  # noqa: S105 - made up


class Account(Credentials):
    """Credentials of a service account, as the metadata server would give them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def refresh(self, _request: object) -> None:
        """Get a new token."""
        self.token = TOKEN
        self.expiry = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None)


def rsa_key() -> rsa.RSAPrivateKey:
    """Make a key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Interface:
    """Google's interface: tells where an instance is, and signs keys."""

    refuses: bool = False
    tokens: list[str] = field(default_factory=list)
    key: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        self.certificate = _sign(self, self.key.public_key(), "Cloud SQL")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        request = Request(environ)
        if self.refuses:
            said: dict[str, Any] = {"error": {"message": "the account may not connect"}}
        elif request.path.endswith(":generateEphemeralCert"):
            said = {"ephemeralCert": {"cert": self._ephemeral(request.get_json())}}
        else:
            said = {
                "region": "us-central1",
                "databaseVersion": "POSTGRES_17",
                "ipAddresses": [{"type": "PRIVATE", "ipAddress": FRONT[0]}],
                "serverCaCert": {"cert": _pem(self.certificate)},
            }
        answer = Response(
            json.dumps(said), 403 if self.refuses else 200, content_type="application/json"
        )
        return answer(environ, start_response)

    def _ephemeral(self, asked: dict[str, str]) -> str:
        self.tokens.append(asked["access_token"])
        key = serialization.load_pem_public_key(asked["public_key"].encode())
        assert isinstance(key, rsa.RSAPublicKey)
        return _pem(_sign(self, key, "client"))


@contextmanager
def front(interface: Interface, folder: Path, postgres_port: int) -> Iterator[None]:
    """Decrypt what comes to `FRONT` and hand it to PostgreSQL, while the block runs."""
    key = rsa_key()
    certificate = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    certificate.write_text(_pem(_sign(interface, key.public_key(), "server")) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate)
    context.load_verify_locations(cadata=_pem(interface.certificate))
    with socket.create_server(FRONT) as listening:
        thread = Thread(target=_accept, args=(listening, context, postgres_port), daemon=True)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _accept(listening: socket.socket, context: ssl.SSLContext, postgres_port: int) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            Thread(target=_serve, args=(client, context, postgres_port), daemon=True).start()


def _serve(raw: socket.socket, context: ssl.SSLContext, postgres_port: int) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(raw, server_side=True) as client,
        socket.create_connection(("127.0.0.1", postgres_port)) as server,
    ):
        back = Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join(10)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _sign(interface: Interface, key: rsa.RSAPublicKey, name: str) -> x509.Certificate:
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Cloud SQL")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(minutes=1),
        not_valid_after=now + timedelta(hours=1),
    )
    constraints = x509.BasicConstraints(ca=name == "Cloud SQL", path_length=None)
    return builder.add_extension(constraints, critical=True).sign(interface.key, hashes.SHA256())
