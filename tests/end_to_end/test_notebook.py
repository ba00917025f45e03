"""The example notebook of the client, over a network that solved simulated frames."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import astropy.units as u
import nbformat
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from nbclient import NotebookClient

from simulator import Frame, simulate
from tests.end_to_end.conftest import CROP, Network

NOTEBOOK = Path(__file__).parents[2] / "client" / "examples" / "first-light-curve.ipynb"
# Longer than what other tests upload, so that the notebook chooses it.
RUN = replace(CROP, count=12, start=datetime(2018, 9, 20, 9, 0, tzinfo=UTC))
TOLD = """
import json
print(json.dumps({
    "sequence_id": sequence_id,
    "mjd": curve["mjd"].tolist(),
    "green": curve["relative_g"].tolist(),
    "stamps": stamps["pixels"].tolist(),
    "x": stamps["stamp_x"].tolist(),
    "y": stamps["stamp_y"].tolist(),
    "picid": picid,
    "place": [place.ra.deg, place.dec.deg],
}))
"""


@pytest.fixture(scope="module")
def frames(net: Network, tmp_path_factory: pytest.TempPathFactory) -> list[Frame]:
    """Frames of one observation that have come through the network."""
    folder = tmp_path_factory.mktemp("run")
    frames = list(simulate(RUN))
    for frame in frames:
        net.upload(frame.object_path.path, frame.write(folder))
    for index in range(RUN.count):
        image = net.wait_for_end(RUN.image_id(index))
        assert image["state"] == "sources_extracted", image["reason"]
    return frames


def test_the_notebook_shows_a_star_as_it_was_simulated(
    net: Network, frames: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANOPTES_NETWORK_URL", net.env["OBSERVATIONS_DATA_URL"])
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(TOLD))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()

    assert _number_of_pictures(notebook) == 3
    told = json.loads(notebook.cells[-1].outputs[0].text)
    assert told["sequence_id"] == RUN.image_id(0)
    starts = Time(RUN.start) + np.arange(RUN.count) * RUN.cadence_s * u.s
    # The camera takes some tenths longer than commanded.
    middle_s = (Time(told["mjd"], format="mjd") - starts).to_value("s")
    np.testing.assert_allclose(middle_s, RUN.exptime_s / 2, atol=0.5)
    for frame, stamp, x, y in zip(frames, told["stamps"], told["x"], told["y"], strict=True):
        np.testing.assert_array_equal(stamp, frame.data[y : y + 10, x : x + 10])
    stars = frames[0].truth.stars
    distances = SkyCoord(*told["place"], unit="deg").separation(
        SkyCoord(stars["ra_deg"], stars["dec_deg"], unit="deg")
    )
    assert stars["id"][np.argmin(distances)] == told["picid"]
    # It is steady, but its drift over the Bayer pattern leaves 8 per cent of scatter.
    assert np.std(told["green"]) < 0.2
    assert not any("WARNING" in one.get("text", "") for one in _outputs(notebook))
    assert len(Table.read(tmp_path / "light_curve.fits")) == RUN.count


def _outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def _number_of_pictures(notebook: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in _outputs(notebook))
