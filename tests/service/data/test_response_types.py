"""What observations-data answers, against the types from which its schemas are derived."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter
from sqlalchemy import Engine

from panoptes_network.database.models import CatalogLoad, FactChange, ImageEvent
from panoptes_network.database.notice_models import Notice
from panoptes_network.responses.candidates import Candidate, CandidatePage
from panoptes_network.responses.highlights import Highlights
from panoptes_network.responses.light_curves import CurvePage, DetrendedCurve
from panoptes_network.responses.names import NameResponse
from panoptes_network.responses.network import (
    Coverage,
    PipelineStatus,
    RefusedUploadPage,
    Statistics,
    Status,
)
from panoptes_network.responses.observations import (
    EventList,
    ImageList,
    ObservationPage,
    WholeImage,
    WholeObservation,
)
from panoptes_network.responses.picture_objects import PictureObjects
from panoptes_network.responses.stars import RawCurve, SourcePage, StampPage, Star
from panoptes_network.responses.units import NightPage, NoticeList, UnitList, UnitNight
from tests.service.support.light_curve_rows import Curves, add_light_curves, transit
from tests.service.support.viewer_rows import add_viewed_observation
from tests.service.support.web_services import create_app, get, rows, storage_at

SEQUENCE_ID = "PAN001_14d3bd_20181011T134202"
IMAGE_ID = "PAN001_14d3bd_20181011T134333"
UNSOLVED_ID = "PAN001_ee04d1_20181011T134543"
RESPONSES: tuple[tuple[Any, str], ...] = (
    (Status, "/health"),
    (ImageList, f"/?sequence_id={SEQUENCE_ID}"),
    (UnitList, "/units"),
    (NightPage, "/units/PAN001/nights"),
    (UnitNight[str], "/units/PAN001/nights/2018-10-11"),
    (NoticeList, "/units/PAN001/notices"),
    (ObservationPage, "/observations?facets=true&name=M42"),
    (WholeObservation, f"/observations/{SEQUENCE_ID}"),
    (EventList, f"/observations/{SEQUENCE_ID}/events"),
    (CurvePage, f"/observations/{SEQUENCE_ID}/light-curves"),
    (WholeImage, f"/images/{IMAGE_ID}"),
    (WholeImage, f"/images/{UNSOLVED_ID}"),
    (PictureObjects, f"/images/{IMAGE_ID}/objects"),
    (PictureObjects, f"/observations/{SEQUENCE_ID}/objects"),
    (SourcePage, f"/images/{IMAGE_ID}/sources"),
    (Star, "/sources/1000"),
    (StampPage, "/sources/1000/stamps"),
    (RawCurve, "/sources/1000/lightcurve"),
    (DetrendedCurve, "/sources/1000/lightcurve?method=detrended"),
    (CandidatePage, "/candidates"),
    (Highlights, "/highlights"),
    (NameResponse, "/names?q=M42"),
    (NameResponse, "/names?q=TIC+1000"),
    (NameResponse, "/names?q=Vegaa"),
    (Coverage, "/coverage"),
    (RefusedUploadPage, "/uploads"),
    (PipelineStatus, "/status"),
    (Statistics, "/stats"),
)


@pytest.fixture
def client(db: Engine, storage_port: int, tmp_path: Path) -> Iterator[FlaskClient]:
    """The service over rows of each kind."""
    add_viewed_observation(db, storage_port)
    with storage_at(storage_port):
        with rows(db) as session:
            add_light_curves(session, SEQUENCE_ID, Curves(), tmp_path)
            session.add(transit(SEQUENCE_ID))
            session.add(
                CatalogLoad(load_id="1", catalog="tic", file_name="f", limits="", stars_done=7)
            )
            session.add_all(
                FactChange(
                    subject=subject, name="iso", new_value=100, is_pinned=False, changed_by="unit"
                )
                for subject in (SEQUENCE_ID, "PAN001")
            )
            session.add(
                Notice(
                    unit_id="PAN001",
                    night=date(2018, 10, 11),
                    kind="night",
                    title="PAN001, night of 2018-10-11: 3 images, with problems",
                    n_images=3,
                    findings=[{"severity": "note", "what": "One.", "action": "None."}],
                )
            )
            session.add(
                ImageEvent(
                    bucket_path="PAN001/notes.txt",
                    service="cf-image-received",
                    message_id="generation 7",
                    state="error",
                    reason_code="unknown_file_type",
                    reason="no image",
                )
            )
        yield create_app("observations-data").test_client()


def test_responses_are_of_their_types(client: FlaskClient) -> None:
    candidate_url = get(client, "/candidates")["items"][0]["url"]
    for kind, path in (*RESPONSES, (Candidate, candidate_url)):
        found = client.get(path).get_json()
        assert found.get("items", [None]), path
        TypeAdapter(kind).validate_python(found, strict=True, extra="forbid")
