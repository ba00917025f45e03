"""Every catalog star has a row in a solved frame of the Milky Way, seen or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from sqlalchemy import text

from panoptes_network.config import settings
from panoptes_network.figures import FIGURES
from panoptes_network.frames.bayer import stamp_fits
from simulator import Frame, Observation, simulate
from simulator.catalog_csv import G_MINUS_TESS_MAG, write_catalog_csv
from tests.integration.solver import Solver, load_file, stamp_pixels

CYGNUS = Observation(width=900, height=700, suffix=".fits.fz")
FAINTEST_MAG = 12.5
"""Of the rows, TESS; the catalog goes on to G 14.5."""
DETECTED = [figure.name for figure in FIGURES if figure.name != "n_stamps"]
"""Figures that detections alone decide."""
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(iter(simulate(CYGNUS)))


def solve(
    solver: Solver, frame: Frame, folder: Path, faintest_mag: float
) -> tuple[dict[str, Any], Rows]:
    """Return the frame's image and its sources with rows for all stars up to a magnitude."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_MAG", str(faintest_mag))
        settings.cache_clear()
        image = solver.solve(solver.upload(frame.object_path.path, frame.write(folder)))
    settings.cache_clear()
    assert image["state"] == "sources_extracted", image["reason"]
    return image, solver.sources(image["image_id"])


def test_every_star_of_the_catalog_has_a_row(solver: Solver, frame: Frame, tmp_path: Path) -> None:
    write_catalog_csv(tmp_path / "stars.csv", CYGNUS)
    load_file(tmp_path / "stars.csv")
    image, sources = solve(solver, frame, tmp_path, FAINTEST_MAG)

    assert [source["number"] for source in sources] == list(range(len(sources)))
    seen = [source for source in sources if source["is_detected"]]
    unseen = sources[len(seen) :]
    assert not any(source["is_detected"] for source in unseen)
    known = [source for source in seen if source["picid"] is not None]
    assert image["n_sources"] == len(seen)
    assert image["n_matched"] == len(known)
    assert image["n_stamps"] == len(known) + len(unseen)
    _check_all_there(frame.truth.stars, [*known, *unseen])
    _check_unseen(frame, unseen)
    _check_neighbours(frame.truth.stars, [*known, *unseen])


def _check_all_there(truth: Table, rows: Rows) -> None:
    """Each true star of the chosen depth has one row, at its place."""
    wanted = truth[truth["gaia_mag"] - G_MINUS_TESS_MAG < FAINTEST_MAG - 0.001]
    # A tenth of a pixel at the edge of a superpixel decides whether its stamp fits.
    x, y = np.asarray(wanted["x"]), np.asarray(wanted["y"])
    inside = np.all([stamp_fits(x + d, y + d, (700, 900)) for d in (-0.2, 0, 0.2)], axis=0)
    wanted = wanted[inside]
    place = {row["picid"]: (row["x_px"], row["y_px"]) for row in rows}
    assert len(place) == len(rows)
    assert len(wanted) > 1000
    unsaturated = wanted[~wanted["saturated"]]
    assert set(unsaturated["id"].tolist()) <= place.keys()
    # Of a saturated star, too: it is detected, or it has the row at its catalog place.
    assert set(wanted["id"].tolist()) <= place.keys()
    off = [np.hypot(*np.subtract(place[star["id"]], (star["x"], star["y"]))) for star in wanted]
    assert max(off) < 2.3
    undetected = [
        star["id"]
        for star in wanted
        if star["id"] in {r["picid"] for r in rows if not r["is_detected"]}
    ]
    print(f"{len(undetected)} of {len(wanted)} stars have a row without a detection")
    assert 0.05 < len(undetected) / len(wanted) < 0.5


def _check_unseen(frame: Frame, unseen: Rows) -> None:
    """Rows without a detection say what can be told, and their stamps are the frame's pixels."""
    place = {star["id"]: (star["x"], star["y"]) for star in frame.truth.stars}
    off_px = [np.hypot(*np.subtract(place[r["picid"]], (r["x_px"], r["y_px"]))) for r in unseen]
    assert np.sqrt(np.mean(np.square(off_px))) < 0.1
    for row in unseen:
        assert (row["fwhm_px"], row["ellipticity"], row["separation_arcsec"]) == (None, None, None)
        assert row["flux_err_adu"] > 0
        assert row["flags"] in (0, 4)
        x, y = row["stamp_x"], row["stamp_y"]
        np.testing.assert_array_equal(stamp_pixels(row), frame.data[y : y + 10, x : x + 10])


def _check_neighbours(truth: Table, rows: Rows) -> None:
    """Where neighbours add little, the light is the star's; where they add much, it is not."""
    true_adu = dict(
        zip(
            truth["id"].tolist(),
            (truth["flux_r_adu"] + 2 * truth["flux_g_adu"] + truth["flux_b_adu"]) / 4,
            strict=True,
        )
    )
    usable = [row for row in rows if row["flags"] & 4 == 0]
    ratio = np.array([row["flux_adu"] / true_adu[row["picid"]] for row in usable])
    added = np.array([row["neighbour_flux"] for row in usable])
    assert np.median(ratio[added < 0.1]) == pytest.approx(0.86, abs=0.05)
    crowded = (added > 1) & (added < 3)
    assert np.median((ratio / (1 + added))[crowded]) == pytest.approx(0.8, abs=0.15)
    is_far_off = ratio > 1.3
    print(f"{np.mean(is_far_off):.1%} of the stars are more than 30 % too bright")
    assert np.mean(added[is_far_off] > 0.2) > 0.9


def test_figures_of_a_frame_are_those_of_its_detections(
    solver: Solver, frame: Frame, tmp_path: Path
) -> None:
    write_catalog_csv(tmp_path / "stars.csv", CYGNUS)
    load_file(tmp_path / "stars.csv")
    none, few = solve(solver, frame, tmp_path, 0.0)
    assert all(source["is_detected"] for source in few)
    with solver.db.begin() as connection:
        connection.execute(text("DELETE FROM sources"))
        connection.execute(text("DELETE FROM image_events"))
        connection.execute(text("DELETE FROM images"))
    deep, many = solve(solver, frame, tmp_path, 14.0)
    assert {name: deep[name] for name in DETECTED} == {name: none[name] for name in DETECTED}
    assert none["n_stamps"] == none["n_matched"] < deep["n_stamps"]
    for before, after in zip(few, many, strict=False):
        assert {**after, "image_key": 0} == {**before, "image_key": 0}
