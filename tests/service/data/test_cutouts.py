"""Pieces of solved frames, cut by observations-data out of files of the plate solver."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.time import Time
from astropy.wcs import WCS
from click.testing import CliRunner
from flask.testing import FlaskClient
from numpy.typing import NDArray
from sqlalchemy import Engine, update

from panoptes_client.cli import main
from panoptes_network import storage
from panoptes_network.database.models import Image
from panoptes_network.frames.frame import Frame
from plate_solver.solved_file import write_solved
from simulator.optics import field_wcs
from tests.service.support.functions import served
from tests.service.support.web_services import (
    add_observation,
    create_app,
    problem,
    rows,
    storage_at,
    store,
)

WIDTH, HEIGHT = 1302, 900
WCS_OF_FRAME = field_wcs(83.8, -5.4, 20.0, WIDTH, HEIGHT)
IMAGE_ID = "PAN001_14d3bd_20181011T134333"
PATH = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"
CUTOUT = f"/images/{IMAGE_ID}/cutout"
MIDDLE = {"ra": "83.8", "dec": "-5.4"}


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture(scope="module")
def mosaic() -> NDArray[np.uint16]:
    return np.random.default_rng(3).integers(2000, 2**14, (HEIGHT, WIDTH), dtype=np.uint16)


@pytest.fixture(scope="module")
def solved_file(mosaic: NDArray[np.uint16], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A frame as it came, then as the plate solver stores it."""
    folder = tmp_path_factory.mktemp("solved")
    cards = fits.Header({"OBJECT": "dummy", "DATE-OBS": "2000-01-01T00:00:00", "EXPTIME": 120.4})
    cards["COMMENT"] = "of a unit"
    fits.writeto(folder / "raw.fits", mosaic, cards)
    history = {"PANOPTES solved by": "a 1"}
    solved = write_solved(
        folder / "raw.fits", Frame(mosaic), WCS_OF_FRAME, history, tmp_path_factory.mktemp("packed")
    )
    return solved.read_bytes()


@pytest.fixture
def solved(db: Engine, storage_port: int, solved_file: bytes) -> Any:
    """The image in the database and its file in the storage."""
    add_image(db)
    with storage_at(storage_port):
        store("panoptes-processed", PATH, solved_file)
        yield


def add_image(db: Engine, **columns: Any) -> None:
    solved = {"state": "solved", "solved_path": PATH, **columns}
    with rows(db) as session:
        add_observation(session, field="M42 ☄", images=[solved])


def cut(client: FlaskClient, **parameters: str) -> fits.PrimaryHDU:
    answer = client.get(CUTOUT, query_string=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/fits"
    assert f"filename={IMAGE_ID}" in answer.headers["Content-Disposition"]
    with fits.open(io.BytesIO(answer.data), checksum=True) as hdus:
        hdus.verify("exception")
        [hdu] = hdus
        hdu.data  # noqa: B018 - read before the file is closed
        return hdu


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_a_cutout_of_an_absurd_time_has_a_date_that_can_be_read(
    client: FlaskClient, solved: None, db: Engine, year: int
) -> None:
    with rows(db) as session:
        session.execute(update(Image).values(time=datetime(year, 1, 2, tzinfo=UTC)))
    answer = client.get(CUTOUT, query_string=MIDDLE)
    assert answer.status_code == 200, answer.text
    with fits.open(io.BytesIO(answer.data)) as hdus:
        header = hdus[0].header
    assert header["DATE-OBS"] == f"{year:04}-01-02T00:00:00"
    since = datetime(year, 1, 2, tzinfo=UTC) - datetime(1858, 11, 17, tzinfo=UTC)
    assert header["MJD-OBS"] == since.days


def corner_of(header: fits.Header) -> tuple[int, int]:
    return -int(header["LTV1"]), -int(header["LTV2"])


@pytest.mark.parametrize(
    ("place", "side"),
    [
        ({"ra": "83.8", "dec": "-5.4"}, 64),
        ({"ra": "05:35:17.3", "dec": "-05:23:28"}, 10),
        ({"ra": "84.5", "dec": "-4.9"}, 200),
        ({"ra": "83.2", "dec": "-5.9"}, 6),
    ],
)
def test_a_cutout_is_astropys(
    client: FlaskClient,
    solved: None,
    mosaic: NDArray[np.uint16],
    place: dict[str, str],
    side: int,
) -> None:
    made = cut(client, side=str(side), **place)
    x, y = corner_of(made.header)
    assert (x % 2, y % 2) == (0, 0)
    middle = x + side / 2 - 0.5, y + side / 2 - 0.5
    theirs = Cutout2D(mosaic, middle, side, wcs=WCS_OF_FRAME)
    np.testing.assert_array_equal(made.data, theirs.data)
    assert made.data.dtype == np.uint16
    wcs = WCS(made.header)
    grid = np.meshgrid(np.linspace(0, side - 1, 5), np.linspace(0, side - 1, 5))
    # Cards have 15 digits or so, of up to 84 degrees.
    expected = theirs.wcs.all_pix2world(*grid, 0)
    np.testing.assert_allclose(wcs.all_pix2world(*grid, 0), expected, atol=1e-9)
    unit = "hourangle" if ":" in place["ra"] else "deg"
    sky = SkyCoord(place["ra"], place["dec"], unit=(unit, "deg"))
    # The corner is the nearest even one.
    at = np.array(wcs.all_world2pix(sky.ra.deg, sky.dec.deg, 0))
    assert np.abs(at - (side / 2 - 0.5)).max() <= 1 + 1e-4


def test_the_header_says_what_it_is(client: FlaskClient, solved: None) -> None:
    header = cut(client, **MIDDLE).header
    assert (header["NAXIS1"], header["NAXIS2"]) == (64, 64)
    assert (header["CTYPE1"], header["RADESYS"]) == ("RA---TAN-SIP", "ICRS")
    assert (header["OBJECT"], header["IMAGEID"]) == ("M42 ?", IMAGE_ID)
    # By the id: a camera's clock may be wrong.
    assert (header["DATE-OBS"], header["TIMESYS"]) == ("2018-10-11T13:43:33", "UTC")
    assert header["MJD-OBS"] == pytest.approx(Time("2018-10-11T13:43:33").mjd, abs=1e-9)
    assert (header["EXPTIME"], header["BUNIT"]) == (120.4, "adu")
    assert (header["BAYERPAT"], header["XBAYROFF"], header["YBAYROFF"]) == ("GBRG", 0, 0)
    assert "of a unit" in header["COMMENT"]
    x, y = corner_of(header)
    history = " ".join(header["HISTORY"])
    assert "PANOPTES solved by: a 1" in history
    assert f"Cutout of {PATH}, generation" in history
    assert f"64x64 pixels from ({x}, {y}) on, 0-based" in history


@pytest.mark.parametrize(
    ("x", "y", "shape"),
    [
        (0, 0, (32, 32)),
        (WIDTH - 1, HEIGHT - 1, (32, 32)),
        (-0.4, 450, (64, 32)),
        (650, HEIGHT - 0.6, (32, 64)),
    ],
)
def test_at_the_edges_there_is_as_much_as_there_is(
    client: FlaskClient,
    solved: None,
    mosaic: NDArray[np.uint16],
    x: float,
    y: float,
    shape: tuple[int, int],
) -> None:
    ra, dec = WCS_OF_FRAME.all_pix2world(x, y, 0)
    made = cut(client, ra=repr(float(ra)), dec=repr(float(dec)))
    # The square's corner is moved by up to a pixel, so that it is even.
    assert np.abs(np.subtract(made.data.shape, shape)).max() <= 1
    left, bottom = corner_of(made.header)
    height, width = made.data.shape
    expected = mosaic[bottom : bottom + height, left : left + width]
    np.testing.assert_array_equal(made.data, expected)


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("83.8", "-10"),
        ("263.8", "5.4"),
        ("83.8", "90"),
        ("0", "-90"),
        ("173.8", "0"),
        ("200", "45"),
        ("86", "-5.4"),
    ],
)
def test_a_place_outside_of_the_frame(client: FlaskClient, solved: None, ra: str, dec: str) -> None:
    said = problem(client, CUTOUT, 400, ra=ra, dec=dec)
    assert said["parameter"] == "ra"
    assert "inside the frame" in said["detail"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "ra"),
        ({"ra": "83.8"}, "dec"),
        ({"dec": "-5.4"}, "ra"),
        ({"ra": "nan", "dec": "-5.4"}, "ra"),
        ({"ra": "83.8", "dec": "inf"}, "dec"),
        ({**MIDDLE, "side": "7"}, "side"),
        ({**MIDDLE, "side": "4"}, "side"),
        ({**MIDDLE, "side": "1026"}, "side"),
        ({**MIDDLE, "side": "-64"}, "side"),
        ({**MIDDLE, "side": "64.5"}, "side"),
        ({**MIDDLE, "side": "9" * 40}, "side"),
    ],
)
def test_parameters_that_cannot_be_read(
    client: FlaskClient, solved: None, given: dict[str, str], name: str
) -> None:
    assert problem(client, CUTOUT, 400, **given)["parameter"] == name


def test_an_image_that_is_not_solved(client: FlaskClient, db: Engine) -> None:
    add_image(db, solved_path=None)
    assert "no plate solution" in problem(client, CUTOUT, 404, **MIDDLE)["detail"]
    problem(client, "/images/PAN009_none/cutout", 404, **MIDDLE)


def test_files_that_are_gone_or_damaged(
    client: FlaskClient, db: Engine, storage_port: int, solved_file: bytes
) -> None:
    add_image(db, solved_path="PAN001/gone.fits.fz")
    with storage_at(storage_port):
        problem(client, CUTOUT, 404, **MIDDLE)
        for damaged in (b"", b"no FITS", solved_file[:20_000], solved_file[2880:]):
            store("panoptes-processed", "PAN001/gone.fits.fz", damaged)
            assert "is not a solved frame" in problem(client, CUTOUT, 404, **MIDDLE)["detail"]


def test_tiles_that_are_too_large_are_not_unpacked(
    client: FlaskClient, db: Engine, storage_port: int
) -> None:
    add_image(db, solved_path="PAN001/large.fits.fz")
    header = field_wcs(83.8, -5.4, 20.0, 4000, 3100).to_header(relax=True)
    for name in [name for name in header if name.startswith("PC")]:
        header.rename_keyword(name, f"CD{name[2:]}")
    written = io.BytesIO()
    pixels = np.zeros((3100, 4000), np.uint16)
    fits.CompImageHDU(pixels, header, tile_shape=(3100, 4000)).writeto(written)
    with storage_at(storage_port):
        store("panoptes-processed", "PAN001/large.fits.fz", written.getvalue())
        assert "tiles are too large" in problem(client, CUTOUT, 404, **MIDDLE)["detail"]


def test_only_the_rows_that_are_needed_are_read(
    client: FlaskClient, solved: None, solved_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    read_range = storage.read_range

    def watched(stored: storage.StoredObject, start: int, length: int, *limits: Any) -> bytes:
        lengths.append(length)
        return read_range(stored, start, length, *limits)

    monkeypatch.setattr(storage, "read_range", watched)
    cut(client, **MIDDLE)
    # One block of headers, and of 900 rows the 64: 160 kB, which two blocks may share.
    assert len(lengths) <= 3
    assert sum(lengths) < len(solved_file) / 2


def test_while_the_storage_is_away(
    client: FlaskClient, db: Engine, storage_away: Callable[[], None]
) -> None:
    add_image(db)
    storage_away()
    answer = client.get(CUTOUT, query_string=MIDDLE)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


@pytest.mark.usefixtures("solved")
def test_the_client_cuts_the_same(client: FlaskClient, tmp_path: Path) -> None:
    expected = cut(client, **MIDDLE, side="32")
    with served(create_app("observations-data")) as url:

        def ask(place: str, name: str) -> int:
            words = ["--url", url, "cutout", IMAGE_ID, "--at", place, "--side", "32"]
            return CliRunner().invoke(main, [*words, "-o", str(tmp_path / name)]).exit_code

        assert ask("5h35m12s -5d24m0s", "piece.fits") == 0
        assert ask("200 10", "off_the_frame.fits") == 2
    assert not (tmp_path / "off_the_frame.fits").exists()
    with fits.open(tmp_path / "piece.fits", checksum=True) as hdus:
        assert (hdus[0].data == expected.data).all()
        assert WCS(hdus[0].header).wcs.crpix.tolist() == WCS(expected.header).wcs.crpix.tolist()
