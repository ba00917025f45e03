"""What the services say that they take and answer, as OpenAPI 3.1."""

import copy
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from panoptes_network.errors import Reason
from panoptes_network.events import PushEnvelope, StorageObject
from panoptes_network.notices.tick import NoticeRequest
from panoptes_network.operations.listing import ListRequest
from panoptes_network.operations.replay import ReplayRequest
from panoptes_network.operations.sweep import SweepRequest
from panoptes_network.operations.tagging import TagRequest

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OBJECT: Schema = {"type": "object"}


def _record(**properties: Schema) -> Schema:
    """Return the schema of an object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


_PROBLEM = _record(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT)
_REFUSAL = _record(error=_record(reason={"enum": [*Reason, "try_again"]}, message=_TEXT))


def _answer(schema: Schema, media_type: str = "application/json") -> Schema:
    return {"description": "", "content": {media_type: {"schema": schema}}}


def _read(answer: Schema, *parameters: Schema, problems: Sequence[int] = (404,)) -> Schema:
    """Return an operation that reads; what it answers, and the statuses of its problems."""
    failures = {str(status): _answer(_PROBLEM, "application/problem+json") for status in problems}
    return {"parameters": list(parameters), "responses": {"200": answer, **failures}}


def _in_path(name: str, *known: str) -> Schema:
    """Return a part of the path: names that there are, or any."""
    return {"name": name, "in": "path", "required": True, "schema": _known_or_any(*known)}


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _in_query(name: str, *known: str) -> Schema:
    return {"name": name, "in": "query", "schema": _known_or_any(*known)}


def _known_or_any(*known: str) -> Schema:
    """Return the schema of `known` texts or of any other.

    Without its `not`, all of it would be taken for any text, and none of the known ones be sent.
    """
    other = {"type": "string", "minLength": 1, "not": {"enum": list(known)}}
    return {"anyOf": [{"enum": list(known)}, other]}


def with_known(document: Schema, file_path: str, **known: Sequence[str]) -> Schema:
    """Return a service's own document, whose parameters are often one of `known` values.

    The path of a file becomes one that there is: a slash is sent by no generator of a path's
    part, so that the folders stand in the document.
    """
    made: Schema = copy.deepcopy(document)
    for path in made["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in known:
                    _add_known(parameter, known[parameter["name"]])
    operation = made["paths"].pop("/files/{bucket}/{path}")["get"]
    bucket = [part for part in operation["parameters"] if part["name"] == "bucket"]
    operation["parameters"] = [*bucket, _in_path("name", _name(file_path))]
    made["paths"][f"/files/{{bucket}}/{_folder(file_path)}/{{name}}"] = {"get": operation}
    return made


def _add_known(parameter: Schema, known: Sequence[str]) -> None:
    other = {"allOf": [parameter["schema"], {"not": {"enum": [*known]}}]}
    parameter["schema"] = {"anyOf": [{"enum": [*known]}, other]}


def explorer(sequence_id: str, image_id: str, file_path: str) -> Schema:
    """Return the document of the pages, with the names of something that there is."""
    page, missing = _answer(_TEXT, "text/html"), (400, 404)

    def shown(*parameters: Schema, answer: Schema = page, redirect: str = "308") -> Schema:
        failures = {str(status): page for status in missing}
        responses = {"200": answer, redirect: {"description": ""}, **failures}
        return {"get": {"parameters": list(parameters), "responses": responses}}

    token = _in_path("token", "0" * 32)
    search = [
        _in_query("unit", "PAN001", "pan001", ""),
        _in_query("field", "m4", "%"),
        _in_query("name", "M42", "NGC 7000", "TIC 1"),
        _in_query("ra", "83.8", "5h35m17s", "361"),
        _in_query("dec", "-5.4", "-5d23m28s", "91"),
        _in_query("radius", "1", "0", "181"),
        _in_query("after", "2018-10-11", "2018-02-30"),
        _in_query("state", "unsolved", "error"),
        _in_query("sort", "distance", "exptime"),
        _in_query("cursor", "MjAxOC0xMC0xMVQxMzo0MjowMiswMDowMCB4"),
    ]
    unit = _in_path("unit_id", "PAN001", "pan001")
    night = _in_path("day", "2018-10-11", "0001-01-01", "9999-12-31", "2018-02-30")
    older = _in_query("before", "2018-10-12", "0001-01-01", "2018-02-30")
    anything = _answer({}, "*/*")
    parts = _in_path("bucket", "raw", "processed"), _in_path("name", _name(file_path))
    observation = _in_path("sequence_id", sequence_id)
    star = _in_path("picid", "1000", "-1", "99999999999999999999")
    frames = [
        _in_query("catalog", "tic", "gaia", "hip"),
        _in_query("sequence_id", sequence_id, ""),
    ]
    curve = [
        _in_query("light", "relative", "flux", "x"),
        _in_query("method", "detrended", "raw", "apertures", "x"),
        _in_query("period_d", "0.01", "1e4", "nan"),
        _in_query("epoch_mjd", "58402.5", "-1e6", "inf"),
    ]
    colour = _in_query("colour", "all", "r", "x")
    asked = _in_path("path", "observations", "stats", "openapi.json", "metrics", "nothing")
    probe = _read(_answer(_record(status=_TEXT)), problems=())
    return _document(
        {
            "/": shown(*search),
            "/observations": shown(*search),
            "/search": shown(
                _in_query("q", "Vega", "Betelguese", "PAN001", image_id, "83.8 -5.4", "Orion"),
                redirect="302",
            ),
            "/observations/{sequence_id}": shown(observation),
            "/observations/{sequence_id}/files.txt": shown(
                observation,
                _in_query("kind", "raw", "film", "thumbnail", "x"),
                answer=_answer(_TEXT, "text/plain"),
            ),
            "/images/{image_id}": shown(
                _in_path("image_id", image_id), _in_query("header", "a", "<b>")
            ),
            "/sources/{picid}": shown(star, *frames, *curve),
            "/sources/{picid}/stamps.png": shown(
                star, *frames, colour, answer=_answer({}, "image/png")
            ),
            "/sources/{picid}/light-curve.svg": shown(
                star, *frames, *curve[1:], answer=_answer({}, "image/svg+xml")
            ),
            "/sources/{picid}/curve.svg": shown(star, *frames, answer=_answer({}, "image/svg+xml")),
            "/candidates": shown(
                _in_query("kind", "transit", "variable", "x"),
                _in_query("min_significance", "7", "-1", "nan"),
                _in_query("sequence_id", sequence_id, ""),
                _in_query("sort", "depth", "x"),
                _in_query("cursor", "W10"),
            ),
            "/sky": shown(),
            "/sky/atlas": shown(),
            "/stats": shown(_in_query("after", "2018-10-11"), _in_query("before", "2018-02-30")),
            "/status": shown(),
            "/uploads": shown(
                _in_query("unit", "PAN001", ""), _in_query("reason_code", "bad_path")
            ),
            "/about": shown(),
            "/connect": shown(),
            "/units": shown(),
            "/units/{unit_id}": shown(unit, older),
            "/units/{unit_id}/feed.atom": shown(
                unit, answer=_answer(_TEXT, "application/atom+xml")
            ),
            "/unsubscribe/{token}": {
                **shown(token),
                "post": {"parameters": [token], "responses": {"200": page, "404": page}},
            },
            "/units/{unit_id}/nights/{day}": shown(unit, night),
            f"/files/{{bucket}}/{_folder(file_path)}/{{name}}": shown(*parts, answer=anything),
            "/api/": {"get": _read(anything, *search, problems=(400,))},
            "/api/{path}": {"get": _read(anything, asked, problems=(400, 404))},
            "/robots.txt": {"get": _read(_answer(_TEXT, "text/plain"), problems=())},
            "/.well-known/security.txt": shown(answer=_answer(_TEXT, "text/plain")),
            "/health": {"get": probe},
            "/ready": {"get": probe},
        }
    )


def function(model: type[BaseModel], **known: str) -> Schema:
    """Return the document of a function that takes `model`, or a Pub/Sub push of it.

    `known` fields have a value for which there is something to do.
    """
    return _document({"/": _posted(_OBJECT, _message(model, **known), _inlined(PushEnvelope))})


def operations(image_id: str, topic: str) -> Schema:
    """Return the document of cf-operations: an image that failed, a topic with dead letters."""
    sent = _record(dry_run={"type": "boolean"}, problems={"type": "array"})
    kept = _record(
        dead_letter_id={"type": ["integer", "null"]},
        image_id=_MAYBE_TEXT,
        recorded={"type": "boolean"},
    )
    letter = _inlined(PushEnvelope)
    letter["properties"]["subscription"] = _known_or_any(f"projects/p/subscriptions/{topic}-dead")
    return _document(
        {
            "/sweep": _posted(sent, _message(SweepRequest)),
            "/list": _posted(_record(count=_COUNT), _message(ListRequest, image_id=image_id)),
            "/replay": _posted(sent, _message(ReplayRequest, image_id=image_id)),
            "/tag": _posted(_record(tags={"type": "array"}), _message(TagRequest)),
            "/notices": _posted(_record(notices={"type": "array"}), _message(NoticeRequest)),
            "/dead-letter": _posted(kept, letter),
        }
    )


def bucket_upload(file_path: str) -> Schema:
    """Return the document of the CloudEvent function: an object that there is was finalized."""
    attributes = {
        "ce-id": "42",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.storage.object.v1.finalized",
        "ce-source": "//storage.googleapis.com/projects/_/buckets/panoptes-raw",
    }
    operation = _posted(_OBJECT, _message(StorageObject, name=file_path))
    operation["post"]["responses"]["200"] = _answer(_TEXT, "text/html")
    operation["post"]["parameters"] = [
        {"name": name, "in": "header", "required": True, "schema": _known_or_any(value)}
        for name, value in attributes.items()
    ]
    return _document({"/": operation})


def _message(model: type[BaseModel], **known: str) -> Schema:
    """Return the schema of `model`, of which `known` fields have a value that there is."""
    taken = _inlined(model)
    for name, value in known.items():
        taken["properties"][name] = _known_or_any(value)
    return taken


def _posted(answer: Schema, *bodies: Schema) -> Schema:
    """Return the operation of a function that takes any of `bodies`."""
    body = {"required": True, "content": {"application/json": {"schema": {"anyOf": [*bodies]}}}}
    refusals = {status: _answer(_REFUSAL) for status in ("400", "404", "413", "415", "422")}
    return {"post": {"requestBody": body, "responses": {"200": _answer(answer), **refusals}}}


def _inlined(model: type[BaseModel]) -> Schema:
    """Return a model's schema without references, which a document has elsewhere."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        if isinstance(part, list):
            return [inline(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return inline(definitions[part["$ref"].rpartition("/")[2]])
        return {key: inline(value) for key, value in part.items()}

    inlined: Schema = inline(schema)
    return inlined


def _document(paths: Schema) -> Schema:
    return {"openapi": "3.1.0", "info": {"title": "PANOPTES", "version": "1"}, "paths": paths}
