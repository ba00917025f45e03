"""The readers of what comes by HTTP and Pub/Sub, and what they may return."""

import base64
import json
from typing import Any

import rawpy
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql

from observations_data.http.query_parameters import BadParameterError
from observations_data.observations.search.pagination import Cursor
from observations_data.observations.search.query import (
    Search,
    search_conditions,
    select_observations,
)
from observations_data.position import Cone
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.events import (
    MAX_HEADER_CARDS,
    MAX_TEXT,
    FilmRequest,
    HeaderRequest,
    ImageObject,
    PipelineImage,
    PushEnvelope,
    StorageObject,
    parse,
    unwrap_push,
)
from panoptes_network.frames.header_values import clean_headers
from panoptes_network.frames.metadata import identify, image_path, integer, number, text
from panoptes_network.ids import CameraTime, ObjectPath, parse_path
from panoptes_network.web.request_guard import MAX_BODY_BYTES
from rawpy_options import RawpyOptions
from tests.fuzz.harness import Parser, own_peak_mib
from tests.fuzz.hostile_json import bodies, edited, objects, stages, texts, values

MESSAGES: tuple[type[BaseModel], ...] = (
    *(StorageObject, ImageObject, HeaderRequest, PipelineImage, FilmRequest),
)
_PATHS = (
    "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz",
    "PAN001/14d3bd/20181011T134202/20181011T134333.cr2",
    "PAN012/Wasp 33/ee04d1/20181011T134202/pointing00.FITS",
)
_IDS = ("PAN001_14d3bd_20181011T134333", "PAN999_ffffff_00010101T000000")
_PUSH = {"message": {"data": "eyJidWNrZXRfcGF0aCI6ICJ4In0=", "messageId": "7"}}
_MESSAGE = {"image_id": _IDS[0], "bucket": "panoptes-raw", "name": _PATHS[0], "generation": 7}
_CARDS = (
    *("IMAGEID", "SEQID", "FIELD", "CAMSN", "EXPTIME", "ISO", "RA-MNT", "CAMTEMP", "DATE-OBS"),
)

_paths, _ids = edited(_PATHS), edited(_IDS)


def _fields(*models: type[BaseModel]) -> list[str]:
    return sorted({name for model in models for name in model.model_fields})


_messages = bodies(
    objects(
        _MESSAGE,
        _fields(*MESSAGES),
        st.one_of(_paths, _ids, st.integers(0, 2**64), st.dictionaries(texts, values, max_size=3)),
    )
)
_pushed = objects({}, ["data", "messageId", "attributes"], edited([_PUSH["message"]["data"]]))
_envelopes = bodies(objects(_PUSH, ["message", "subscription"], _pushed))


def _read_messages(value: object) -> None:
    """Let every model read the same; it is refused where none takes it."""
    # Words, not errors: those would lead back here, round a ring that is never collected.
    words = [_read_message(model, value) for model in MESSAGES]
    if all(words):
        raise PermanentError(Reason.BAD_REQUEST, max(words, key=len))


def _read_message(model: type[BaseModel], value: object) -> str:
    """Return the words of a refusal; none where the message is read."""
    try:
        message = parse(model, value)
    except PermanentError as error:
        return error.message
    for field in message.model_dump().values():
        assert not isinstance(field, str) or len(field.encode()) <= 8 * MAX_TEXT
    if isinstance(message, ImageObject):
        assert (message.wanted_generation or 0) >= 0
    if isinstance(message, HeaderRequest):
        assert len(message.headers) <= MAX_HEADER_CARDS
        _check_cleaned(clean_headers(message.headers))
    return ""


def _read_push(value: object) -> None:
    envelope = parse(PushEnvelope, value)
    _read_messages(unwrap_push(envelope))


def _read_path(value: str) -> None:
    path = parse_path(value)
    assert parse_path(path.path) == path
    assert path.is_pointing == (path.image_id is None)
    assert CameraTime.parse(path.sequence_id).camera_id == path.camera_id


def _read_id(value: str) -> None:
    assert str(CameraTime.parse(value)) == value.strip()


def _read_headers(value: tuple[ObjectPath | None, dict[str, Any]]) -> None:
    path, headers = value
    cleaned = clean_headers(headers)
    _check_cleaned(cleaned)
    assert clean_headers(cleaned).keys() <= cleaned.keys()
    for keyword in _CARDS:
        number(cleaned, keyword)
        integer(cleaned, keyword)
        text(cleaned, keyword)
    identity = identify(path, cleaned)
    json.dumps(identity.contradictions).encode()
    assert image_path(identity, ".fits").sequence_id == str(identity.sequence)


def _check_cleaned(cleaned: dict[str, Any]) -> None:
    written = json.dumps(cleaned, allow_nan=False, ensure_ascii=False).encode()
    assert b"\\u0000" not in written
    assert all(isinstance(value, str | int | float | bool) for value in cleaned.values())


def _read_options(value: object) -> None:
    options = parse(RawpyOptions, value)
    assert isinstance(options.parameters, rawpy.Params)
    assert parse(RawpyOptions, options.model_dump_json().encode()) == options


def _read_search(value: dict[str, str]) -> None:
    try:
        search = Search.parse(value)
    except BadParameterError as error:
        raise PermanentError(Reason.BAD_REQUEST, error.parameter) from error
    place = search.place
    cone = Cone(place.ra_deg, place.dec_deg, place.radius_deg) if place else None
    statement = select_observations(search.order.key(cone)).where(
        *search_conditions(search, cone).values()
    )
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    sent = statement.compile(dialect=dialect).params
    assert "\0" not in "".join(map(str, sent.values()))
    if search.cursor:
        assert "\0" not in f"{search.cursor.key}{search.cursor.sequence_id}"
        assert Cursor.read({"cursor": str(search.cursor)}, search.order) == search.cursor


_CURSORS = [
    base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    for said in (
        ["time", "desc", "2018-10-11T13:42:02+00:00", "PAN001_14d3bd_20181011T134202"],
        ["time", "desc", "0001-01-01T00:00:00+23:59", "x"],
    )
]
_searches = st.fixed_dictionaries(
    {},
    optional={
        "unit": edited(["PAN001"]),
        "field": edited(["M42", "100%_\\"]),
        "after": edited(["2018-10-11"]),
        "min_exptime": edited(["30", "1e2"]),
        "max_images": edited(["100"]),
        "state": edited(["solved"]),
        "ra": edited(["83.8", "05:35:17.3", "5h35m17s", "83d49m"]),
        "dec": edited(["-5.4", "-05:23:28", "-5 23 28"]),
        "radius": edited(["15"]),
        "sort": edited(["time", "field", "distance"]),
        "order": edited(["asc", "desc"]),
        "limit": edited(["1", "500", "501"]),
        "cursor": edited(_CURSORS),
        "other": texts,
    },
)
_options = objects(
    {},
    _fields(RawpyOptions),
    st.sampled_from(
        [
            *("AHD", "VNG", "LMMSE", "sRGB", "raw", "Clip", "ReconstructDefault", "Full", "Off"),
            *(True, False, 0, 1, 3, 4, 8, 16, 65535, 65536, 1.0, 0.75, 64.0, 5000.0, 1e-300),
            *([1.0] * 4, [1.0] * 2, [0.0] * 4, [64.0] * 4, [20.0, 1e-9], [1.0] * 1000),
        ]
    ),
)
_headers = st.dictionaries(
    st.sampled_from(_CARDS) | texts,
    st.one_of(_ids, values, st.sampled_from(["11 C", "1e400", "9" * 400, "NaN", "١٢", "-.5E3"])),
    max_size=8,
)
_sound_paths = st.none() | st.sampled_from(_PATHS).map(parse_path)


def _parser(read: Any, inputs: st.SearchStrategy[list[Any]], *corpus: Any) -> Parser:
    # A request is answered with the name of what is wrong in it, however long that is.
    return Parser(read, inputs, lambda: corpus, 250, own_peak_mib, max_words=MAX_BODY_BYTES)


def _alone(value: Any) -> list[Any]:
    return [value]


_MANY = {f"K{n}": n for n in range(MAX_HEADER_CARDS + 1)}

PARSERS = {
    "events.parse of every message": _parser(
        _read_messages,
        _messages,
        b"",
        b"[" * 10**6,
        {"headers": _MANY},
        {"headers": {"a" * 10**6: 1}},
    ),
    "events.PushEnvelope": _parser(
        _read_push, _envelopes, _PUSH, {"message": {"data": "A" * 10**6}}
    ),
    "ids.parse_path": _parser(_read_path, stages(_PATHS), *_PATHS, "/" * 2000, "a" * 10**6),
    "ids.CameraTime.parse": _parser(_read_id, stages(_IDS), *_IDS, "_" * 10**6),
    "metadata.clean_headers, identify": _parser(
        _read_headers, st.tuples(_sound_paths, _headers).map(_alone), (None, {"IMAGEID": _IDS[0]})
    ),
    "RawpyOptions": _parser(_read_options, bodies(_options), {}, {"user_wb": [1.0] * 10**5}),
    "Search.parse": _parser(_read_search, _searches.map(_alone), {}, {"cursor": "A" * 10**6}),
}
