"""Uploads that never became an image: the table of observations-data, the page, the command."""

from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from panoptes_network.database.models import ImageEvent
from panoptes_network.operations import cli
from tests.service.support.web_services import add_observation, rows

AT = datetime(2018, 10, 11, 20, tzinfo=UTC)
CR3 = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.cr3"
SCRIPT = "PAN002/<script>alert(1)</script>/2018-10-11T13:43:33.cr2"
DARK = "pan001/darks/dark_001.fits"


def refuse(session: Session, path: str, reason: str, **columns: Any) -> None:
    kept = "skipped" if reason.endswith("_frame") else "error"
    values = {"at": AT, "service": "cf-header-to-db", "message_id": "generation 7", "state": kept}
    words = f"words about {path}"
    row = {**values, "bucket_path": path, "reason_code": reason, "reason": words, **columns}
    session.add(ImageEvent(**row))
    session.flush()


@pytest.fixture(autouse=True)
def _refused(db: Engine) -> None:
    """Three uploads that stand refused, and others that do not any more."""
    with rows(db) as session:
        refuse(session, CR3, "unknown_file_type", message_id="generation 6")
        refuse(session, CR3, "unknown_file_type")
        refuse(session, SCRIPT, "bad_path")
        refuse(session, DARK, "dark_frame")
        refuse(session, "PAN001/late.fits", "no_identity")
        refuse(session, "PAN001/late.fits", "", reason_code=None, image_id="PAN001_14d3bd_x")
        refuse(session, "PAN001/gone.txt", "unknown_file_type")
        refuse(session, "PAN001/gone.txt", "", reason_code=None, message_id="gone")
        refuse(session, "PAN001/sent.cr2", "", reason_code=None)


def paths(explorer: FlaskClient, **query: str) -> list[str]:
    answer = explorer.get("/api/uploads", query_string=query)
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert found["total"] >= len(found["items"])
    return [one["bucket_path"] for one in found["items"]]


def test_the_newest_refusal_of_each_path_is_listed(explorer: FlaskClient) -> None:
    assert paths(explorer) == [DARK, SCRIPT, CR3]
    [upload] = explorer.get("/api/uploads?reason_code=unknown_file_type").get_json()["items"]
    assert upload | {"meaning": "", "action": ""} == {
        "bucket_path": CR3,
        "generation": "7",
        "unit_id": "PAN001",
        "at": "2018-10-11T20:00:00Z",
        "state": "error",
        "reason_code": "unknown_file_type",
        "reason": f"words about {CR3}",
        "meaning": "",
        "action": "",
    }
    assert upload["meaning"]
    assert upload["action"]


def test_refusals_are_filtered_and_paged(explorer: FlaskClient) -> None:
    assert paths(explorer, unit="pan001") == [DARK, CR3]
    assert paths(explorer, unit="PAN003") == []
    assert paths(explorer, reason_code="dark_frame") == [DARK]
    seen, cursor = [], ""
    while True:
        found = explorer.get(f"/api/uploads?limit=1&cursor={cursor}").get_json()
        assert found["total"] == 3
        seen += [one["bucket_path"] for one in found["items"]]
        if found["next"] is None:
            break
        cursor = found["next"]
    assert seen == [DARK, SCRIPT, CR3]
    lines = explorer.get("/api/uploads?format=csv").text.splitlines()
    assert lines[0].startswith("bucket_path,generation,unit_id,at,state,reason_code")
    assert len(lines) == 4


@pytest.mark.parametrize(
    "query", ["unit=M42", "reason_code=bad", "cursor=x", "cursor=9999999999999999999", "limit=0"]
)
def test_what_cannot_be_read_is_refused(explorer: FlaskClient, query: str) -> None:
    assert explorer.get(f"/api/uploads?{query}").status_code == 400


def test_the_page_says_why_and_what_to_do(explorer: FlaskClient) -> None:
    html = explorer.get("/uploads").text
    assert "3 uploads." in html
    assert CR3 in html
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "What to do: Upload only" in html
    assert "stored for calibration" in html
    assert '<a href="/uploads">3</a>' in explorer.get("/status").text
    only = explorer.get("/uploads?unit=PAN002").text
    assert CR3 not in only
    assert "No refused uploads" in explorer.get("/uploads?unit=PAN009").text
    behind = explorer.get("/uploads?cursor=0").text
    assert "That was the last page" in behind
    assert "No refused uploads" not in behind


def test_the_night_of_a_unit_that_only_had_refusals_tells_them(explorer: FlaskClient) -> None:
    report = explorer.get("/api/units/PAN002/nights/2018-10-11").get_json()
    assert (report["verdict"], report["n_images"]) == ("problems", 0)
    [group] = report["refused"]
    assert (group["reason_code"], group["files"][0]["bucket_path"]) == ("bad_path", SCRIPT)
    assert "All uploads of PAN002" in explorer.get("/units/PAN002/nights/2018-10-11").text
    assert explorer.get("/api/units/PAN003/nights/2018-10-11").status_code == 404
    nights = explorer.get("/api/units/PAN002/nights").get_json()
    assert (nights["unit"]["unit_id"], nights["items"], nights["next"]) == ("PAN002", [], None)
    assert "This unit has no images" in explorer.get("/units/PAN002").text
    assert explorer.get("/units/PAN003").status_code == 404


def test_kept_files_are_no_problem_of_a_night(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[{"state": "sources_extracted"}] * 3)
        session.query(ImageEvent).filter(ImageEvent.bucket_path == CR3).delete()
    report = explorer.get("/api/units/PAN001/nights/2018-10-11").get_json()
    assert report["verdict"] == "good"
    [kept] = [one for one in report["findings"] if "only kept" in one["what"]]
    assert (kept["severity"], kept["what"][:19]) == ("note", "1 file only kept: A")


def operate(*arguments: str) -> list[str]:
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_the_command_lists_refused_uploads(db: Engine) -> None:
    lines = operate("uploads")
    assert [line.split("  ")[0] for line in lines[1:4]] == [DARK, SCRIPT, CR3]
    assert lines[4] == "3 uploads"
    assert operate("uploads", "--reason", "bad_path")[-1] == "1 upload"
    assert operate("uploads", "--unit", "PAN001", "--limit", "1")[-1] == "2 uploads, 1 shown"
    assert operate("list", "--night", "2018-10-11")[-1] == "3 uploads"
    assert operate("list", "--night", "2018-10-12")[-1] == "0 images"
    assert operate("list", "--state", "error")[-1] == "0 images"
