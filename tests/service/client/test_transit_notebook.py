"""The client's notebook that finds a transit, over a served sequence of simulated light curves."""

import json
from pathlib import Path

import nbformat
import pytest
from astropy.table import Table
from nbclient import NotebookClient
from sqlalchemy import Engine

from tests.service.support.functions import served
from tests.service.support.light_curve_rows import (
    DEPTH,
    DURATION_H,
    FRAMES,
    Curves,
    add_light_curves,
    transit,
)
from tests.service.support.web_services import add_observation, create_app, rows, storage_at

NOTEBOOK = Path(__file__).parents[3] / "client" / "examples" / "find-a-transit.ipynb"
NIGHT = Curves(n_stars=15)
TOLD = """
import json
print(json.dumps({
    "sequence_id": sequence_id, "picid": int(picid), **best,
    "second": boxes["significance"].iloc[1], "candidates": candidates["picid"].tolist(),
}))
"""


def test_the_notebook_finds_the_transit(
    db: Engine, storage_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(TOLD))
    with storage_at(storage_port), served(create_app("observations-data")) as url:
        with rows(db) as session:
            sequence_id = add_observation(session, images=[{}] * 30)
            add_light_curves(session, sequence_id, NIGHT, tmp_path)
            session.add(transit(sequence_id))
        monkeypatch.setenv("PANOPTES_NETWORK_URL", url)
        where = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=120, resources=where).execute()

    told = json.loads(notebook.cells[-1].outputs[0].text)
    assert (told["sequence_id"], told["picid"]) == (sequence_id, NIGHT.picid(0))
    assert told["depth"] == pytest.approx(DEPTH, rel=0.2)
    assert told["duration_h"] == pytest.approx(DURATION_H, abs=0.6)
    assert told["mid_bjd_tdb"] == pytest.approx(NIGHT.bjd_tdb[NIGHT.is_in_transit].mean(), abs=0.01)
    assert told["significance"] > 2 * told["second"]
    assert told["candidates"] == [told["picid"]]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    assert not any("WARNING" in output.get("text", "") for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)
    assert len(Table.read(tmp_path / "transit.fits")) == FRAMES
