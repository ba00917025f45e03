"""The plate solver against real Postgres, a real storage server and the real programs."""

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from panoptes_network import config
from panoptes_network.database import image_claims
from panoptes_network.database.engine import run_transaction
from panoptes_network.states import ImageState
from panoptes_network.worker.tries import MAX_TRIES
from simulator import Conditions, Frame, Observation, simulate
from tests.conftest import SHARED_DATA
from tests.integration.solver import Solver, load_file, load_gaia, stamp_pixels
from tests.service.support.functions import frame as small_frame

REAL_PATH = "PAN001/KIC 8462852/14d3bd/20160909T081152/20160909T081152.fits"
CROP = Observation(width=900, height=700, suffix=".fits.fz")


@pytest.fixture(scope="session")
def crop() -> Frame:
    return next(iter(simulate(CROP)))


@pytest.fixture
def crop_file(crop: Frame, tmp_path: Path) -> Path:
    return crop.write(tmp_path)


def test_the_real_frame_gets_its_solution_tic_ids_and_stamps(
    solver: Solver, real_frame: Path
) -> None:
    load_gaia(303.2, 46.0, 4)
    load_file(SHARED_DATA / "all_targets_S014_v1.csv")

    image = solver.solve(solver.upload(REAL_PATH, real_frame))

    assert image["state"] == "sources_extracted", image["reason"]
    # The solution by astrometry.net alone, from another list of sources: 303.211 +46.020.
    centre = SkyCoord(image["ra_deg"], image["dec_deg"], unit="deg")
    assert centre.separation(SkyCoord(303.211, 46.020, unit="deg")).deg < 0.01
    # solve-field's own solution, tweaked to order 2, has 10.3066; an affine fit of Gaia DR3 to
    # source-extractor's XWIN positions in the mosaic 10.3074.
    assert image["pixel_scale_arcsec"] == pytest.approx(10.307, abs=0.003)
    assert image["rms_arcsec"] < 0.5 * 10.3  # measured on this frame: 0.3-0.45 pixel
    assert image["solved_path"] == REAL_PATH + ".fz"
    sources = solver.sources(image["image_id"])
    matched = [source for source in sources if source["picid"] is not None]
    assert sum(source["is_detected"] for source in sources) == image["n_sources"]
    assert sum(source["is_detected"] for source in matched) == image["n_matched"]
    assert len(matched) == image["n_stamps"]
    _check_tic_ids([source for source in matched if source["catalog"] == "tic"])
    pixels = fits.getdata(real_frame)
    for source in matched:
        x, y, side = source["stamp_x"], source["stamp_y"], source["stamp_side"]
        assert x % 2 == y % 2 == 0
        np.testing.assert_array_equal(stamp_pixels(source), pixels[y : y + side, x : x + side])


def _check_tic_ids(sources: list[dict[str, float]]) -> None:
    """Compare with the target list itself, read by numpy, by id and by place."""
    targets = np.loadtxt(SHARED_DATA / "all_targets_S014_v1.csv", delimiter=",", skiprows=6)
    place = {int(row[0]): SkyCoord(row[4], row[5], unit="deg") for row in targets}
    assert len(sources) >= 10  # the list has 12 stars on this cutout
    for source in sources:
        measured = SkyCoord(source["ra_deg"], source["dec_deg"], unit="deg")
        # 2 pixels of matching, and 16 years of a fast star's motion, which the list leaves out.
        assert measured.separation(place[int(source["picid"])]).arcsec < 25


def test_the_solved_file_keeps_the_pixels_and_reads_as_a_wcs(
    solver: Solver, crop: Frame, crop_file: Path, tmp_path: Path
) -> None:
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    image = solver.solve(solver.upload(crop.object_path.path, crop_file))
    product = tmp_path / "product.fits.fz"
    processed = solver.client.bucket(config.settings().processed_bucket)
    processed.blob(image["solved_path"]).download_to_filename(str(product))

    with fits.open(product) as hdus:
        np.testing.assert_array_equal(hdus[1].data, crop.data)
        header = hdus[1].header
    assert any("astrometry.net" in line for line in header["HISTORY"])
    assert header["IMAGEID"] == image["image_id"]
    corners = np.array([[0, 0], [899, 0], [899, 699], [0, 699]])
    told = SkyCoord(WCS(header, fix=False).all_pix2world(corners, 0), unit="deg")
    true = SkyCoord(crop.truth.wcs.all_pix2world(corners, 0), unit="deg")
    # Less than 0.3 pixel at the corners, where a fit with few stars is worst.
    assert told.separation(true).arcsec.max() < 3


def test_an_image_passes_through_its_states(solver: Solver, crop: Frame, crop_file: Path) -> None:
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    image = solver.upload(crop.object_path.path, crop_file)
    solver.solve(image)
    assert solver.states(image.image_id) == [
        "metadata_received",
        "solving",
        "solved",
        "sources_detected",
        "sources_extracted",
    ]


def test_the_same_message_again_changes_nothing(
    solver: Solver, crop: Frame, crop_file: Path
) -> None:
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    image = solver.upload(crop.object_path.path, crop_file)
    once = solver.solve(image), solver.sources(image.image_id)
    for _ in range(2):
        assert (solver.solve(image), solver.sources(image.image_id)) == once


def test_a_newer_file_replaces_the_rows_of_the_older(
    solver: Solver, crop: Frame, crop_file: Path
) -> None:
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    path = crop.object_path.path
    older = solver.upload(path, crop_file)
    assert solver.solve(older)["state"] == "sources_extracted"

    newer = solver.upload(path, b"")
    assert solver.solve(older)["state"] == "metadata_received", "the older file is outdated"
    assert solver.solve(newer)["reason_code"] == "empty_file"
    assert solver.sources(newer.image_id) == []


def test_a_worker_that_lost_its_claim_cannot_write(
    solver: Solver, crop: Frame, crop_file: Path
) -> None:
    image = solver.upload(crop.object_path.path, crop_file)
    slow, quick = (
        run_transaction(lambda session: image_claims.claim_image(session, image, "1", "test"))
        for _ in range(2)
    )
    assert slow is not None
    assert quick is not None
    assert quick.number == slow.number + 1
    with pytest.raises(image_claims.StaleClaimError):
        run_transaction(lambda s: image_claims.advance(s, slow, ImageState.SOLVED))
    run_transaction(lambda s: image_claims.advance(s, quick, ImageState.SOLVED))
    assert solver.image(image.image_id)["state"] == "solved"


def test_a_frame_is_given_up_after_its_last_try(
    solver: Solver, crop: Frame, crop_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = solver.upload(crop.object_path.path, crop_file)
    monkeypatch.setenv("PATH", "/nowhere")  # a machine without source-extractor
    for _ in range(MAX_TRIES):
        assert solver.image(image.image_id)["state"] in ("metadata_received", "solving")
        with pytest.raises(Exception, match="apt-get install source-extractor"):
            solver.solve(image)
    ended = solver.image(image.image_id)
    assert (ended["state"], ended["reason_code"]) == ("error", "tries_exhausted")
    assert "source-extractor" in ended["reason"]


@pytest.mark.parametrize(
    ("conditions", "state", "reason"),
    [
        (Conditions.BLANK, "unsolved", "blank_frame"),
        (Conditions.STARLESS, "unsolved", "too_few_sources"),
    ],
)
def test_a_sky_that_cannot_be_recognised_ends_unsolved(
    solver: Solver, tmp_path: Path, conditions: Conditions, state: str, reason: str
) -> None:
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    observation = Observation(width=900, height=700, conditions=conditions)
    frame = next(iter(simulate(observation)))
    image = solver.solve(solver.upload(frame.object_path.path, frame.write(tmp_path)))
    assert (image["state"], image["reason_code"]) == (state, reason)


def test_clouds_leave_a_right_solution_or_none(solver: Solver, tmp_path: Path) -> None:
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    observation = Observation(width=900, height=700, conditions=Conditions.CLOUDY)
    frame = next(iter(simulate(observation)))
    image = solver.solve(solver.upload(frame.object_path.path, frame.write(tmp_path)))
    if image["state"] == "sources_extracted":
        told = SkyCoord(image["ra_deg"], image["dec_deg"], unit="deg")
        true = SkyCoord(frame.truth.wcs.all_pix2world([[449.5, 349.5]], 0), unit="deg")[0]
        assert told.separation(true).arcsec < 5  # half a pixel
    else:
        assert image["state"] == "unsolved"


def test_a_pointing_image_is_skipped(solver: Solver, crop_file: Path) -> None:
    path = "PAN001/14d3bd/20180812T083000/pointing00.fits.fz"
    image = solver.solve(solver.upload(path, crop_file))
    assert (image["state"], image["reason_code"]) == ("skipped", "pointing_image")


def test_a_calibration_frame_is_skipped_with_its_kind(solver: Solver, crop_file: Path) -> None:
    path = "PAN001/darks/14d3bd/20180812T083000/20180812T083000.fits.fz"
    image = solver.solve(solver.upload(path, crop_file))
    assert (image["state"], image["reason_code"]) == ("skipped", "dark_frame")


def test_a_calibration_frame_is_skipped_by_its_header(solver: Solver) -> None:
    path = "PAN001/M42/14d3bd/20180812T083000/20180812T083000.fits"
    image = solver.solve(solver.upload(path, small_frame(IMAGETYP="Bias Frame")))
    assert (image["state"], image["reason_code"]) == ("skipped", "bias_frame")
    assert image["headers"]["IMAGETYP"] == "Bias Frame"


def test_a_field_without_catalog_stars_says_so(
    solver: Solver, crop: Frame, crop_file: Path
) -> None:
    image = solver.solve(solver.upload(crop.object_path.path, crop_file))
    assert (image["state"], image["reason_code"]) == ("error", "no_catalog")
    assert "load-catalog" in image["reason"]


def _fits_bytes(hdu: fits.hdu.base._BaseHDU) -> bytes:
    content = io.BytesIO()
    fits.HDUList([hdu] if isinstance(hdu, fits.PrimaryHDU) else [fits.PrimaryHDU(), hdu]).writeto(
        content
    )
    return content.getvalue()


BAD_FILES = {
    "empty file": (b"", "empty_file"),
    "random bytes": (np.random.default_rng(1).bytes(100_000), "not_fits"),
    "table without image": (
        _fits_bytes(fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])])),
        "no_image",
    ),
    "NaN pixels": (
        _fits_bytes(fits.PrimaryHDU(np.full((400, 400), np.nan, dtype=np.float32))),
        "bad_pixels",
    ),
    "3-D cube": (
        _fits_bytes(fits.PrimaryHDU(np.zeros((3, 400, 400), dtype=np.uint16))),
        "wrong_shape",
    ),
    "1x1 image": (_fits_bytes(fits.PrimaryHDU(np.zeros((1, 1), dtype=np.uint16))), "wrong_shape"),
    "wrong size": (
        _fits_bytes(fits.PrimaryHDU(np.zeros((100, 3000), dtype=np.uint16))),
        "wrong_shape",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_ends_with_its_reason_and_the_next_image_is_solved(
    solver: Solver, crop: Frame, crop_file: Path, name: str
) -> None:
    content, reason = BAD_FILES[name]
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    bad = solver.solve(solver.upload("PAN001/14d3bd/20180812T083000/20180812T090000.fits", content))
    assert (bad["state"], bad["reason_code"]) == ("error", reason)
    assert solver.sources(bad["image_id"]) == []
    good = solver.solve(solver.upload(crop.object_path.path, crop_file))
    assert good["state"] == "sources_extracted"


@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_ends_with_its_reason(
    solver: Solver, crop_file: Path, part: float
) -> None:
    content = crop_file.read_bytes()
    cut = content[: int(len(content) * part)]
    path = "PAN001/14d3bd/20180812T083000/20180812T090000.fits.fz"
    image = solver.solve(solver.upload(path, cut))
    assert (image["state"], image["reason_code"]) == ("error", "truncated")


@pytest.mark.parametrize("field", ["M 42", 'O\'Neill "x"', "<script>alert(1)</script>", "Плеяды"])
def test_any_name_of_a_field_is_only_a_name(solver: Solver, crop_file: Path, field: str) -> None:
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    path = f"PAN001/{field.replace('/', '')}/14d3bd/20180812T083000/20180812T083000.fits.fz"
    image = solver.solve(solver.upload(path, crop_file))
    assert image["state"] == "sources_extracted"
    assert image["solved_path"] == path
