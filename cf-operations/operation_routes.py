"""The routes of the function."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Request, Response, jsonify
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.notices.tick import NoticeRequest, tell
from panoptes_network.operations import dead_letters
from panoptes_network.operations.history import SERVICE
from panoptes_network.operations.listing import ListRequest, list_matching
from panoptes_network.operations.replay import ReplayRequest, replay
from panoptes_network.operations.sweep import SweepRequest, sweep
from panoptes_network.operations.tagging import TagRequest, change_tags
from panoptes_network.web.endpoint import answer, error_response, try_again

M = TypeVar("M", bound=BaseModel)

MAX_PUSH_BYTES = 20_000_000
"""Messages have at most 10 MB, and a third more in base64."""

Route = Callable[[Request], Response]


def _to(model: type[M], work: Callable[[M], Mapping[str, object]]) -> Route:
    return lambda request: answer(request, model, work, SERVICE)


_ROUTES: dict[str, Route] = {
    "/sweep": _to(SweepRequest, lambda request: sweep(request).answer()),
    "/list": _to(ListRequest, list_matching),
    "/replay": _to(ReplayRequest, lambda request: replay(request).answer()),
    "/tag": _to(TagRequest, change_tags),
    "/notices": _to(NoticeRequest, tell),
}
_DEAD_LETTER = "/dead-letter"

_log = logging.getLogger(SERVICE)


def route(request: Request) -> Response:
    """Handle a request by its path."""
    if request.path == _DEAD_LETTER:
        return _take_dead_letter(request)
    if request.path in _ROUTES:
        return _ROUTES[request.path](request)
    return error_response(Reason.BAD_REQUEST, f"post to {', '.join([_DEAD_LETTER, *_ROUTES])}", 404)


def _take_dead_letter(request: Request) -> Response:
    """Acknowledge a dead letter once it is recorded, whatever it contains."""
    try:
        return jsonify(dead_letters.receive(request.get_data()))
    except PermanentError as error:
        _log.warning(error.message, extra={"reason_code": error.reason})
        return error_response(error.reason, error.message, 400)
    except TransientError as error:
        _log.warning("try again: %s", error)
        return try_again(str(error))
    except HTTPException:
        raise
    except Exception:
        _log.exception("unexpected fault")
        return try_again("unexpected error, see the log")
