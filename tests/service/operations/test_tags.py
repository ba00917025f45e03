"""Tags that an operator gives to an observation, by HTTP and by the command."""

from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.operations.cli import main
from panoptes_network.tags import MAX_CHARS, MAX_TAGS
from tests.service.support.functions import SEQUENCE_ID, Network, create_function
from tests.service.support.operations import ask, image
from tests.service.support.web_services import add_observation, create_app, get
from tests.service.support.web_services import rows as writing


@pytest.fixture
def sequence_id(network: Network, db: Engine) -> str:
    with writing(db) as session:
        return add_observation(session, images=[{}])


@pytest.fixture
def operations(network: Network) -> FlaskClient:
    return create_function("cf-operations").test_client()


def tags_of(sequence_id: str) -> Any:
    client = create_app("observations-data").test_client()
    return get(client, f"/observations/{sequence_id}")["tags"]


def test_tags_are_added_and_removed(operations: FlaskClient, sequence_id: str) -> None:
    assert tags_of(sequence_id) == []
    added = ask(operations, "/tag", sequence_id=sequence_id, add=["Transit", "  good   seeing "])
    assert added == {"sequence_id": sequence_id, "tags": ["good seeing", "transit"]}
    again = ask(operations, "/tag", sequence_id=sequence_id, add=["TRANSIT", "a"], remove=["none"])
    assert again["tags"] == ["a", "good seeing", "transit"]
    ask(operations, "/tag", sequence_id=sequence_id, remove=["transit", "Good Seeing"])
    assert tags_of(sequence_id) == ["a"]


def test_tags_find_and_count(operations: FlaskClient, sequence_id: str, db: Engine) -> None:
    with writing(db) as session:
        other = add_observation(session, camera_id="f5a6b7")
    ask(operations, "/tag", sequence_id=sequence_id, add=["été", "transit"])
    ask(operations, "/tag", sequence_id=other, add=["transit"])
    client = create_app("observations-data").test_client()
    # The same word, in capitals and with its accents apart.
    [found] = get(client, "/observations", tag="E\u0301TE\u0301")["items"]
    assert found["sequence_id"] == sequence_id
    facets = get(client, "/observations", facets="true")["facets"]
    assert facets["tag"] == [{"value": "transit", "count": 2}, {"value": "été", "count": 1}]


def test_a_sequence_has_so_many_tags_at_most(operations: FlaskClient, sequence_id: str) -> None:
    most = [f"tag {number}" for number in range(MAX_TAGS)]
    ask(operations, "/tag", sequence_id=sequence_id, add=most)
    answer = operations.post("/tag", json={"sequence_id": sequence_id, "add": ["one more"]})
    assert answer.json is not None
    assert (answer.status_code, answer.json["error"]["reason"]) == (400, "bad_request")
    ask(operations, "/tag", sequence_id=sequence_id, add=["one more"], remove=["tag 0"])
    assert len(tags_of(sequence_id)) == MAX_TAGS


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sequence_id": SEQUENCE_ID},
        {"sequence_id": SEQUENCE_ID, "add": [], "remove": []},
        {"sequence_id": "a\0b", "add": ["a"]},
        {"sequence_id": "PAN999_14d3bd_20181011T134202", "add": ["a"]},
        {"sequence_id": SEQUENCE_ID, "add": "abc"},
        {"sequence_id": SEQUENCE_ID, "add": ["a"], "unheard": "of"},
        {"sequence_id": SEQUENCE_ID, "add": ["a"] * (MAX_TAGS + 1)},
        *(
            {"sequence_id": SEQUENCE_ID, "add": [tag]}
            for tag in (
                *("", " ", "_a", "-a", "a\0", "a,b", "<b>", "a'; DROP TABLE sequences", '"'),
                *("{a}", "a\\", "a" * (MAX_CHARS + 1), "a" * 10**5, "\u202ea", "\ud800", 7, None),
            )
        ),
    ],
)
def test_what_is_no_tag_is_refused(
    operations: FlaskClient, sequence_id: str, body: dict[str, Any]
) -> None:
    answer = operations.post("/tag", json=body)
    assert answer.json is not None
    assert (answer.status_code, answer.json["error"]["reason"]) == (400, "bad_request")
    assert tags_of(sequence_id) == []


def test_the_images_do_not_change(operations: FlaskClient, sequence_id: str, db: Engine) -> None:
    before = image(db)
    ask(operations, "/tag", sequence_id=sequence_id, add=["a"])
    assert image(db) == before


def test_the_command(sequence_id: str) -> None:
    added = CliRunner().invoke(main, ["tag", sequence_id, "transit", "Good Seeing"])
    assert (added.exit_code, added.output) == (0, f"{sequence_id}  good seeing, transit\n")
    removed = CliRunner().invoke(main, ["untag", sequence_id, "transit", "good seeing"])
    assert (removed.exit_code, removed.output) == (0, f"{sequence_id}  no tags\n")


@pytest.mark.parametrize(
    "arguments", [["tag"], ["tag", SEQUENCE_ID], ["tag", SEQUENCE_ID, "<b>"], ["untag", "x", "a"]]
)
def test_the_command_refuses(sequence_id: str, arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2
