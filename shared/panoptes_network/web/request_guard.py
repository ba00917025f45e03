"""Refusal of requests with overlong or compressed bodies, or with text that cannot be stored."""

from typing import IO
from urllib.parse import parse_qsl

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.wrappers import Request

from panoptes_network import storable
from panoptes_network.errors import PermanentError
from panoptes_network.web.cross_site import SAFE_METHODS

MAX_BODY_BYTES = 2_000_000
TOO_DEEP = "the body is nested too deeply"


class BadTextError(BadRequest):
    """A query parameter or form field whose text cannot be stored, with its name."""

    def __init__(self, parameter: str) -> None:
        self.parameter = storable.escape(parameter)[:100]
        super().__init__(f"{self.parameter} must be {storable.WANTED}")


def check(request: Request, max_body_bytes: int = MAX_BODY_BYTES) -> None:
    """Raise an error if a request must be refused; its body is not read.

    A body of unknown length is read up to the limit, and raises the error then.

    Raises
    ------
    werkzeug.exceptions.RequestEntityTooLarge
        If the body is longer than `max_body_bytes`.
    werkzeug.exceptions.BadRequest
        If it is compressed, or path, query or headers have text that cannot be stored;
        `BadTextError` for a query parameter.
    """
    limit(request, max_body_bytes)
    if (request.content_length or 0) > max_body_bytes:
        raise RequestEntityTooLarge(f"The body has more than {max_body_bytes} bytes.")
    if (request.content_encoding or "identity").lower() != "identity":
        raise BadRequest("Send the body without Content-Encoding.")
    _check_path(request)
    _check_query(request.query_string)
    if any("\0" in value for value in request.headers.values()):
        raise BadRequest("A header contains a NUL character.")


def limit(request: Request, max_body_bytes: int) -> None:
    """Limit the bytes read from a body; reading more raises RequestEntityTooLarge."""
    request.max_content_length = max_body_bytes
    if request.content_length is None:
        request.max_content_length += 1
        request.environ["wsgi.input"] = _Bounded(request.environ["wsgi.input"], max_body_bytes)


def check_body(request: Request) -> None:
    """Read a JSON or form body; raise an error if it cannot be read or stored.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        RequestEntityTooLarge if it is too long, BadRequest otherwise.
    """
    if request.method in SAFE_METHODS:
        return
    if request.is_json and request.get_data():
        try:
            storable.check(request.get_json())
        except RecursionError:
            raise BadRequest(f"{TOO_DEEP[0].upper()}{TOO_DEEP[1:]}.") from None
        except PermanentError as error:
            raise BadRequest(error.message) from None
    for name, values in request.form.lists():
        if not all(map(storable.is_storable, (name, *values))):
            raise BadTextError(name)


class _Bounded:
    """A body of unknown length. Werkzeug would truncate it silently at the limit."""

    def __init__(self, stream: IO[bytes], max_bytes: int) -> None:
        self._stream = stream
        self._left = max_bytes

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise RequestEntityTooLarge("The body is too long.")
        return data


def _check_query(query: bytes) -> None:
    """Check the raw bytes: Werkzeug passes on what it cannot decode."""
    sent = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    for name, value in sent:
        if not (_is_readable(name) and _is_readable(value)):
            raise BadTextError(name.encode("latin-1").decode("utf-8", "replace"))


def _check_path(request: Request) -> None:
    # Werkzeug decodes it with replacement characters.
    if not _is_readable(request.environ.get("PATH_INFO", "")):
        raise BadRequest(f"The path must be {storable.WANTED}, in UTF-8.")


def _is_readable(sent: str) -> bool:
    """Return whether bytes, each shown as one character, are storable UTF-8."""
    try:
        return storable.is_storable(sent.encode("latin-1").decode())
    except UnicodeError:
        return False
