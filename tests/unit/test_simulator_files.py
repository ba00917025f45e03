import csv
import gzip
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from panoptes_network.ids import CameraTime, parse_path
from simulator import Frame, Observation, simulate
from simulator.catalog_csv import write_catalog_csv
from simulator.cli import main
from simulator.frame import truth_path
from simulator.header import build_header, hour_angle_and_airmass
from simulator.mount import julian_year
from simulator.truth import Truth

SMALL = Observation(width=120, height=100)

# Moment, target and site of the real frame; its unit wrote HA-MNT 0.9983, AIRMASS 1.13106,
# MOONSEP 75.978, MOONFRAC 0.48686.
REAL = replace(SMALL, start=datetime(2016, 9, 9, 8, 11, 52, tzinfo=UTC))


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(simulate(SMALL))


def test_compressed_file_holds_the_exact_pixels(frame: Frame, tmp_path: Path) -> None:
    path = frame.write(tmp_path)
    assert path == tmp_path / frame.object_path.path
    assert parse_path(str(path.relative_to(tmp_path))) == frame.object_path
    subprocess.run(["funpack", "-O", "plain.fits", path], cwd=tmp_path, check=True)
    with fits.open(tmp_path / "plain.fits") as hdus:
        image = next(hdu for hdu in hdus if hdu.data is not None)
        np.testing.assert_array_equal(image.data, frame.data)
        assert image.header["IMAGEID"] == "PAN001_14d3bd_20180812T083000"


def test_plain_file_holds_the_exact_pixels_and_cards(tmp_path: Path) -> None:
    frame = next(simulate(replace(SMALL, suffix=".fits")))
    with fits.open(frame.write(tmp_path)) as hdus:
        np.testing.assert_array_equal(hdus[0].data, frame.data)
        for card in frame.header.cards:
            assert hdus[0].header[card.keyword] == card.value


def test_truth_beside_the_frame_reads_back(frame: Frame, tmp_path: Path) -> None:
    path = truth_path(frame.write(tmp_path))
    assert path.name == "20180812T083000.truth.fits"
    truth = Truth.read(path)
    for column in frame.truth.stars.colnames:
        np.testing.assert_array_equal(truth.stars[column], frame.truth.stars[column])
    corner = truth.wcs.all_pix2world(0, 0, 0)
    np.testing.assert_allclose(corner, frame.truth.wcs.all_pix2world(0, 0, 0), atol=1e-9)


def test_every_card_of_a_real_frame_is_there(frame: Frame) -> None:
    real = (
        "ISO EXPTIME CAMTEMP CIRCCONF COLORTMP DATE-OBS FILENAME INTSN CAMSN MEASEV MEASEV2 "
        "MEASRGGB WHTLVLN WHTLVLS REDBAL BLUEBAL WBRGGB IMAGEID SEQID FIELD RA-MNT HA-MNT "
        "DEC-MNT EQUINOX AIRMASS FILTER LAT-OBS LONG-OBS ELEV-OBS MOONSEP MOONFRAC CREATOR "
        "INSTRUME OBSERVER ORIGIN"
    )
    assert list(frame.header) == real.split()
    assert frame.header["WBRGGB"] == ""
    assert frame.header["CAMTEMP"].endswith(" C")
    assert (frame.header["RA-MNT"], frame.header["DEC-MNT"]) == (SMALL.ra_deg, SMALL.dec_deg)


def test_exposures_are_not_exactly_as_commanded() -> None:
    times = [f.header["EXPTIME"] for f in simulate(replace(SMALL, count=6))]
    assert len(set(times)) > 1
    assert all(120 <= time < 121 for time in times)


def test_the_three_clocks_differ_and_the_ids_are_right() -> None:
    header = build_header(replace(SMALL, count=2), 1, 120.4)
    started = CameraTime.parse(header["IMAGEID"]).time
    camera = datetime.fromisoformat(header["DATE-OBS"]).replace(tzinfo=UTC)
    assert started == datetime(2018, 8, 12, 8, 32, 30, tzinfo=UTC)
    assert started < camera
    assert header["FILENAME"] > f"{camera:%Y%m%dT%H%M%S}.cr2"
    assert header["SEQID"] == "PAN001_14d3bd_20180812T083000"


def test_hour_angle_and_airmass_as_the_real_unit_wrote_them() -> None:
    hour_angle_h, airmass = hour_angle_and_airmass(REAL, REAL.start)
    # The unit took apparent places (precession since 2000 moves 0.01 h) at some moment in the
    # minute before the exposure.
    assert hour_angle_h == pytest.approx(0.9983, abs=0.03)
    assert airmass == pytest.approx(1.13106, abs=0.004)


def test_moon_as_the_real_unit_wrote_it() -> None:
    header = build_header(REAL, 0, 120.4)
    # Parallax, left out here, moves the Moon by up to one degree.
    assert header["MOONSEP"] == pytest.approx(75.978, abs=1.0)
    assert header["MOONFRAC"] == pytest.approx(0.48686, abs=0.01)


def test_catalog_csv_is_a_tic_bulk_file(tmp_path: Path) -> None:
    path = tmp_path / "stars.csv.gz"
    count = write_catalog_csv(path, SMALL, faintest_mag=13)
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))
    assert len(rows) == count > 10
    assert {len(row) for row in rows} == {125}
    assert {row[11] for row in rows} == {"STAR"}
    assert {row[85] for row in rows} == {""}
    assert all(0 < int(row[0]) < 2**63 for row in rows)
    assert max(float(row[58]) for row in rows) < 13


def test_catalog_moved_from_j2000_to_the_date_is_the_truth(frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "stars.csv"
    write_catalog_csv(path, SMALL)
    rows = {int(row[0]): row for row in csv.reader(path.read_text().splitlines())}
    years = julian_year(SMALL.start) - 2000
    assert set(frame.truth.stars["id"].tolist()) <= set(rows)
    moved = 0.0
    for star in frame.truth.stars:
        ra, dec, pm_ra, pm_dec = (float(rows[star["id"]][i]) for i in (13, 14, 16, 18))
        cos_dec = np.cos(np.radians(dec))
        # The CSV's digits are good to 1e-4 mas/yr; 1e-8 degree is 0.04 mas.
        assert ra + pm_ra * years / 3.6e6 / cos_dec == pytest.approx(star["ra_deg"], abs=1e-8)
        assert dec + pm_dec * years / 3.6e6 == pytest.approx(star["dec_deg"], abs=1e-8)
        moved = max(moved, abs(dec - star["dec_deg"]))
    assert moved > 1e-5


def test_julian_year() -> None:
    # 2016-01-01T12 is 5844 days after J2000.0.
    assert julian_year(datetime(2016, 1, 1, 12, tzinfo=UTC)) == 2016.0


def test_command_writes_frames_truth_and_catalog(tmp_path: Path) -> None:
    arguments = ["--size", "60", "40", "--count", "2", "--suffix", ".fits", "--field", "M42"]
    arguments += ["--ra", "83.82", "--dec", "-5.39", "--catalog-csv", str(tmp_path / "stars.csv")]
    result = CliRunner().invoke(main, ["render", str(tmp_path), *arguments])
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == [
        "20180812T083000.fits",
        "20180812T083000.truth.fits",
        "20180812T083230.fits",
        "20180812T083230.truth.fits",
        "stars.csv",
    ]


@pytest.mark.parametrize(
    "arguments", [["--size", "61", "40"], ["--unit", "PAN1"], ["--ra", "400"], ["--suffix", ".png"]]
)
def test_command_explains_a_wrong_option(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["render", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert "Usage" in result.output
    assert not list(tmp_path.iterdir())
