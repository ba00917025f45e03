"""The command panoptes-operate does from a terminal what cf-operations does."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.operations.cli import main
from tests.service.support.functions import IDS, IMAGE_ID, PATH, Network, frame, tables
from tests.service.support.operations import (
    NEXT_NIGHT,
    OTHER_UNIT,
    add_failed_images,
    add_image,
    add_letters,
    queued,
)


@pytest.fixture
def operations(chain: Network, function: Callable[[str], FlaskClient], db: Engine) -> FlaskClient:
    return function("cf-operations")


@pytest.fixture
def failed(operations: FlaskClient, db: Engine) -> list[str]:
    return add_failed_images(db)


@pytest.fixture
def given_up(operations: FlaskClient) -> list[str]:
    return add_letters(operations)


def operate(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=answer)


def test_the_command_lists(failed: list[str]) -> None:
    done = operate("list", "--night", "2018-10-11")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].split() == ["image", "state", "reason", "message"]
    assert f"{IMAGE_ID}  error     no_catalog       no stars" in lines
    assert lines[-1] == "3 images"


def test_the_command_replays(chain: Network, failed: list[str]) -> None:
    done = operate("replay", "--reason", "no_catalog", "--dry-run")
    assert done.output.splitlines() == [
        IMAGE_ID,
        NEXT_NIGHT,
        "2 would be sent again, 0 could not be",
    ]
    assert queued(chain) == ([], [])
    done = operate("replay", "--reason", "no_catalog")
    assert done.output.splitlines() == [IMAGE_ID, NEXT_NIGHT, "2 sent again, 0 could not be"]
    assert len(queued(chain)[1]) == 2


def test_the_command_asks_before_it_sends_many(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    for second in range(10, 31):
        add_image(db, IMAGE_ID.replace("134333", f"1343{second}"), state="error")
    for answer in ("", "n\n"):
        done = operate("replay", "--unit", "PAN001", answer=answer)
        assert done.exit_code == 1
        assert "Send 21 again?" in done.output
    assert queued(chain) == ([], [])
    assert operate("replay", "--unit", "PAN001", answer="y\n").exit_code == 0
    assert operate("replay", "--unit", "PAN001", "--yes").exit_code == 0
    assert len(queued(chain)[1]) == 42


def test_the_command_shows_and_sends_dead_letters(chain: Network, given_up: list[str]) -> None:
    shown = operate("dead-letters").output.splitlines()
    assert shown[-1] == "3 dead letters"
    assert IMAGE_ID in shown[-2]
    assert "cf-make-fits failed 5 times" in shown[1]
    assert operate("dead-letters", "--limit", "1").output.splitlines()[-1] == (
        "3 dead letters, 1 shown"
    )
    done = operate("replay", "--dead-letters")
    assert done.output.splitlines()[-1] == "3 sent again, 0 could not be"
    assert len(queued(chain)[0]) == 3
    assert operate("dead-letters").output.splitlines()[-1] == "0 dead letters"


def test_the_command_sweeps(
    chain: Network, operations: FlaskClient, db: Engine, set_env: Callable[..., None]
) -> None:
    set_env(SWEEP_GRACE_S=0.0001)
    chain.upload(PATH, frame(**IDS))
    add_image(db, OTHER_UNIT, state="solving", age_s=5000)
    done = operate("sweep", "--dry-run")
    assert done.output.splitlines()[2] == "1 objects, 2 would be sent again,"
    done = operate("sweep")
    assert done.output.splitlines() == [
        f"{OTHER_UNIT}  sent again",
        f"{IMAGE_ID}  sent again",
        "1 objects, 2 sent again,",
        "0 given up, 0 not accepted",
        "1 objects = 0 images + 0 companions + 0 refused + 0 waiting + 1 lost",
        f"  lost: {PATH}",
        "1 images without a file",
        "  without a file: PAN002/M42/ee04d1/20181011T134202/20181011T140000.fits",
    ]
    assert len(tables(db)["images"]) == 2
    chain.upload("notes.txt", b"x")
    assert operate("sweep").output.splitlines()[-3] == "  lost: notes.txt"
    assert "  refused: 1 unknown_file_type" in operate("sweep").output.splitlines()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay"], "give at least one filter"),
        (["replay", "--night", "soon"], "--night: must be a date like 2018-10-11"),
        (["replay", "--state", "lost"], "--state: must be 'metadata_received', 'solving', "),
        (["replay", "--dead-letters", "--state", "error"], "dead letters have no state"),
        (["list", "--unit", "M42"], "--unit: must be an id like PAN001"),
        (["list", "--limit", "0", "--unit", "PAN001"], "Invalid value for '--limit'"),
        (["unit", "PAN1", "--pin"], "UNIT: must be an id like PAN001"),
        (["unit", "PAN001"], "give a value to set"),
        (["unit", "PAN001", "--latitude", "91"], "--latitude: must be at most 90"),
        (["list", "--unit", "PAN998"], "there is no unit 'PAN998'"),
        (["uploads", "--unit", "PAN998"], "there is no unit 'PAN998'"),
        (["list", "--image", IMAGE_ID], "there is no image"),
        (["replay", "--image", "nonsense"], "there is no image 'nonsense'"),
        (["replay", "--sequence", "nonsense"], "there is no sequence 'nonsense'"),
    ],
)
def test_the_command_refuses_bad_input(
    operations: FlaskClient, arguments: list[str], words: str
) -> None:
    done = operate(*arguments)
    assert done.exit_code == 2
    assert f"Error: {words}" in " ".join(done.output.split())


def test_the_command_says_what_is_away(
    operations: FlaskClient, database_away: Callable[[], None]
) -> None:
    database_away()
    done = operate("list", "--unit", "PAN001")
    assert done.exit_code == 1
    assert "the database is unavailable" in done.output


def test_without_a_filter_all_failures_are_listed(failed: list[str]) -> None:
    done = operate("list")
    assert done.exit_code == 0, done.output
    assert {IMAGE_ID, NEXT_NIGHT} <= {line.split()[0] for line in done.output.splitlines() if line}


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_replay_of_nothing_is_no_success(
    chain: Network, failed: list[str], options: list[str]
) -> None:
    done = operate("replay", "--unit", "PAN001", "--reason", "not_fits", *options)
    assert done.exit_code == 3
    assert "no images match" in done.output
    assert operate("replay", "--dead-letters", *options).exit_code == 3
    assert queued(chain) == ([], [])


def test_names_that_nothing_has_are_told_with_those_there_are(failed: list[str]) -> None:
    assert (
        "there is no unit 'PAN998'; known units: PAN001"
        in operate("list", "--unit", "PAN998").output
    )
    assert "there is no image 'nonsense'" in operate("replay", "--image", "nonsense").output


def test_the_commands_help_has_examples() -> None:
    assert "panoptes-operate replay --reason tries_exhausted --dry-run" in operate("--help").output
