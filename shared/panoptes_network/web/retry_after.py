"""The header Retry-After of responses to requests that may succeed later."""

from typing import TypeVar

from werkzeug.wrappers import Response

RETRY_AFTER_S = 10

R = TypeVar("R", bound=Response)


def with_retry_after(response: R) -> R:
    """Add the header to a response, and return it."""
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
