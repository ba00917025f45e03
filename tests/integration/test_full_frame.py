"""A full-size simulated frame through the plate solver, held against its truth."""

from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from sqlalchemy import text

from panoptes_network import config
from simulator import Frame, Observation, simulate
from simulator.catalog_csv import write_catalog_csv
from tests.integration.solver import Solver, load_file, stamp_pixels

OBSERVATION = Observation(field="Coma Berenices", ra_deg=192.0, dec_deg=27.0)
MIN_SNR = 10
EDGE_PX = 5
"""A stamp of 10 pixels must fit; a star nearer to the edge has none."""


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(iter(simulate(OBSERVATION)))


def test_full_frame_against_its_truth(solver: Solver, frame: Frame, tmp_path: Path) -> None:
    stars = tmp_path / "stars.csv.gz"
    write_catalog_csv(stars, OBSERVATION)
    load_file(stars)
    image = solver.solve(solver.upload(frame.object_path.path, frame.write(tmp_path)))
    assert image["state"] == "sources_extracted", image["reason"]
    sources = solver.sources(image["image_id"])

    _check_astrometry(solver, frame, image["solved_path"], tmp_path / "solved.fits.fz")
    _check_identities(frame.truth.stars, [source for source in sources if source["is_detected"]])
    _check_rows(frame, sources, image["n_stamps"])
    _check_limit(solver, sources, image["limiting_mag"])


def _check_astrometry(solver: Solver, frame: Frame, solved_path: str, product: Path) -> None:
    """The product's WCS lies below 0.3 pixel from the truth over the whole frame."""
    processed = solver.client.bucket(config.settings().processed_bucket)
    processed.blob(solved_path).download_to_filename(str(product))
    grid = np.stack(np.meshgrid(np.linspace(0, 5207, 40), np.linspace(0, 3475, 30)), -1)
    pixels = grid.reshape(-1, 2)
    told = SkyCoord(WCS(fits.getheader(product, 1), fix=False).all_pix2world(pixels, 0), unit="deg")
    true = SkyCoord(frame.truth.wcs.all_pix2world(pixels, 0), unit="deg")
    error_px = told.separation(true).arcsec / 10.29
    rms_px = float(np.sqrt(np.mean(error_px**2)))
    print(f"astrometric rms against the truth {rms_px:.3f} px, worst {error_px.max():.3f} px")
    assert rms_px < 0.3


def _check_identities(truth: Table, sources: list[dict[str, float]]) -> None:
    """95 % of the unsaturated stars with S/N > 10 carry their own id, at their own place."""
    inside = (abs(truth["x"] - 2603.5) < 2604 - EDGE_PX) & (
        abs(truth["y"] - 1737.5) < 1738 - EDGE_PX
    )
    wanted = truth[inside & ~truth["saturated"] & (truth["snr"] > MIN_SNR)]
    place = {s["picid"]: (s["x_px"], s["y_px"]) for s in sources if s["picid"] is not None}
    distance = [
        np.hypot(star["x"] - place[star["id"]][0], star["y"] - place[star["id"]][1])
        if star["id"] in place
        else np.inf
        for star in wanted
    ]
    # 2 pixels: the matching radius. A source farther away is another star's.
    right = float(np.mean(np.array(distance) < 2))
    print(f"{right:.1%} of {len(wanted)} unsaturated stars with S/N > {MIN_SNR} matched rightly")
    assert right >= 0.95


def _check_rows(frame: Frame, sources: list[dict[str, float]], n_stamps: int) -> None:
    """No stamp is missing or doubled, and each is the frame's own pixels."""
    assert [source["number"] for source in sources] == list(range(len(sources)))
    matched = [source for source in sources if source["picid"] is not None]
    assert len(matched) == n_stamps == len({source["picid"] for source in matched})
    for source in matched:
        x, y = int(source["stamp_x"]), int(source["stamp_y"])
        np.testing.assert_array_equal(stamp_pixels(source), frame.data[y : y + 10, x : x + 10])
    assert all(source["stamp"] is None for source in sources if source["picid"] is None)


def _check_limit(solver: Solver, sources: list[dict[str, float]], limiting_mag: float) -> None:
    """Stars of the limiting magnitude have S/N 5: as the faint matched ones tell."""
    with solver.db.connect() as connection:
        rows = connection.execute(text("SELECT picid, mag FROM catalog_stars"))
        magnitude: dict[float, float] = {row.picid: row.mag for row in rows}
    seen = [s for s in sources if s["is_detected"] and s["picid"] is not None]
    faint = [s for s in seen if magnitude[s["picid"]] > 12.5]
    at_limit = [
        magnitude[s["picid"]] + 2.5 * np.log10(s["flux_adu"] / s["flux_err_adu"] / 5) for s in faint
    ]
    print(f"limiting magnitude {limiting_mag:.2f}, from faint stars {np.median(at_limit):.2f}")
    # A quarter of a magnitude: noise is taken for the sky's alone, and neighbours add light.
    assert abs(limiting_mag - np.median(at_limit)) < 0.25
