"""observations-data keeps its own document: it takes what that allows, and refuses the rest.

Each operation is asked for what its schemas describe, for what they do not, and by other methods.
`API_EXAMPLES` says how often; `make fuzz` asks more than the tests do.
"""

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine

from tests.service.support.light_curve_rows import Curves, add_light_curves, transit
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.web_services import add_observation, create_app, rows, storage_at

Document = tuple[Any, Any, dict[str, str]]
EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))
ANSWERS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
REQUESTS = [negative_data_rejection, positive_data_acceptance]
STANDARDS = "/vo/s", "/vo/datalink"
"""Paths whose parameters have syntaxes of the Virtual Observatory that JSON Schema cannot say, and
which answer some faults by 200, as Simple Cone Search wants it."""
AROUND = "/sources", "/candidates", "/light-curves"
"""Paths where a place needs its radius."""
METHODS = ("DELETE", "PATCH", "PUT", "POST")
NAMES = ("sequence_id", "image_id", "picid", "candidate_id", "date", "path")
KINDS = {
    "unit_id": "PAN001",
    "bucket": "raw",
    "name": "docs.css",
    "catalog": "sources",
    "service": "sia",
    "table": "ivoa.obscore",
    "token": "0" * 32,
}
"""Parts of paths."""


@pytest.fixture
def document(
    db: Engine, storage_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Document]:
    """The application, its document, and the ids of what there is, which the paths have."""
    monkeypatch.setenv("RATE_LIMIT", "100000 per second")
    with storage_at(storage_port):
        with rows(db) as session:
            sequence_id = add_observation(session, images=[{"state": "sources_extracted"}] * 3)
            image_id, *_ = add_stars(session, sequence_id, StarField())
            add_light_curves(session, sequence_id, Curves(n_frames=20), tmp_path)
            found = transit(sequence_id)
            session.add_all([found, transit(None, picid=1001)])
            session.flush()
            known = {
                "sequence_id": sequence_id,
                "image_id": image_id,
                "unit_id": "PAN001",
                "picid": str(found.picid),
                "candidate_id": str(found.candidate_id),
            }
        app = create_app("observations-data")
        said = copy.deepcopy(app.test_client().get("/openapi.json").get_json())
        for path in said["paths"].values():
            for operation in path.values():
                for parameter in operation["parameters"]:
                    if parameter["in"] == "path" and parameter["name"] in known:
                        parameter["schema"] = {"enum": [known[parameter["name"]]]}
        yield app, said, known


def test_the_service_keeps_its_document(document: Document) -> None:
    app, said, known = document
    # Storage is not there, and a file's path has slashes: both have tests of their own.
    for path in ("/files/{bucket}/{path}", "/ready", "/metrics", "/images/{image_id}/cutout"):
        del said["paths"][path]
    schema = schemathesis.openapi.from_dict(said)
    schema.app = app
    broken = []
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # an error in the document raises
        modes = [GenerationMode.POSITIVE]
        if operation.query or operation.body:
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            broken += broken_promises(
                operation.as_strategy(generation_mode=mode), operation.label, known
            )
    assert not broken, "\n\n".join(broken)


def is_possible(case: Case[Any], known: dict[str, str]) -> bool:
    """Return whether a request leaves out what a schema of one parameter cannot say.

    Those are parameters that need or exclude each other, names that must stand for a place, and
    cursors that an answer gave.
    """
    if case.path.startswith(STANDARDS):
        return True
    query = case.query or {}
    # A parameter without a value counts as not given; lists and objects become texts in a query.
    if any(value == "" or isinstance(value, list | dict) for value in query.values()):
        return False
    place = [name in query for name in ("ra", "dec")]
    return (
        all(known.get(name, value) == value for name, value in case.path_parameters.items())
        and place[0] == place[1]
        and "name" not in query
        and query.get("sort") != "distance"
        and (not case.path.endswith(AROUND) or ("radius" in query) == place[0])
        and not (query.get("method") == "raw" and "aavso" in str(query.get("format")))
        and ("cursor" not in query or case.path.endswith("/sources"))
        and not (case.path == "/stats" and {"after", "before"} <= query.keys())
    )


def broken_promises(cases: Any, label: str, known: dict[str, str]) -> list[str]:
    """Return what checks find of the answers to some cases, each kind once."""
    found: dict[str, str] = {}

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Case[Any]) -> None:
        assume(is_possible(case, known))
        response = case.call(headers={"Accept-Encoding": "identity"})
        checks = ANSWERS if case.path.startswith(STANDARDS) else [*ANSWERS, *REQUESTS]
        try:
            case.validate_response(response, checks=checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                words = f"{label}: {failure} {case.query} {case.body!r} {response.text[:300]}"
                found.setdefault(type(failure).__name__, words)

    check()
    return list(found.values())


def test_other_methods_are_refused(document: Document) -> None:
    app, said, _ = document
    client = app.test_client()
    for path, methods in said["paths"].items():
        address = path.format(**dict.fromkeys(NAMES, "1"), **KINDS)
        for method in METHODS:
            if method.lower() not in methods:
                refused = client.open(address, method=method, json={})
                assert refused.status_code == 405, (method, address)
                assert "GET" in refused.headers["Allow"]
