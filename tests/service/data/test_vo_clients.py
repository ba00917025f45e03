"""The Virtual Observatory's own programs as clients of the running service: stilts and pyvo."""

import io
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from astropy import units as u
from astropy.config import set_temp_cache
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from astropy.utils.data import import_file_to_cache
from astroquery.exceptions import NoResultsWarning
from astroquery.vo_conesearch import conesearch
from mocpy import MOC
from pyvo.dal import SCSService, SIA2Service
from pyvo.dal.adhoc import DatalinkResults
from pyvo.dal.exceptions import DALOverflowWarning, DALQueryError
from pyvo.io.vosi import parse_capabilities
from sqlalchemy import Engine

from panoptes_network.states import FileKind
from tests.conftest import free_port, serving
from tests.service.support.sky_rows import add_sources, solved
from tests.service.support.web_services import (
    add_observation,
    is_healthy,
    rows,
    storage_at,
    store,
    web_command,
    web_environment,
)

ORION = SkyCoord(83.8, -5.4, unit="deg")
IMAGE_ID = "PAN001_14d3bd_20181011T134333"
RAW_PATH = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"
PIXELS = b"SIMPLE  =                    T"
MET: dict[str, Any] = {
    "pos": (ORION.ra, ORION.dec, 1 * u.deg),
    "time": (Time("2018-10-11T13:43:00"), Time("2018-10-11T13:44:00")),
    "band": (450 * u.nm, 500 * u.nm),
    "exptime": (100 * u.s, 130 * u.s),
    "timeres": (100 * u.s, 130 * u.s),
    "field_of_view": (10 * u.deg, 30 * u.deg),
    "spatial_resolution": (20 * u.arcsec, 21 * u.arcsec),
    "spectral_resolving_power": (1, 2),
    "publisher_did": f"ivo://panoptes/solved?{IMAGE_ID}",
    "collection": "PANOPTES",
    "facility": "PAN001",
    "instrument": "14d3bd",
    "data_type": "image",
    "calib_level": 2,
    "target_name": "M42",
    "res_format": "application/fits",
}
"""All that pyvo can search frames by, as one frame has it."""
MISSED: dict[str, Any] = {
    "pos": (200 * u.deg, 40 * u.deg, 1 * u.deg),
    "time": (Time("2018-10-12T13:43:00"), Time("2019-10-11T13:44:00")),
    "band": (1 * u.um, 2 * u.um),
    "exptime": (1 * u.s, 2 * u.s),
    "timeres": (1 * u.s, 2 * u.s),
    "field_of_view": (1 * u.deg, 2 * u.deg),
    "spatial_resolution": (1 * u.arcsec, 2 * u.arcsec),
    "spectral_resolving_power": (1000, 2000),
    "publisher_did": "ivo://panoptes/solved?PAN001_ee04d1_20181011T134333",
    "collection": "OTHERS",
    "facility": "PAN002",
    "instrument": "ee04d1",
    "data_type": "cube",
    "calib_level": 1,
    "target_name": "M31",
    "res_format": "image/jpeg",
    "pol": "I",
}
"""The same, as that frame does not have it."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running observations-data."""

    url: str

    def save(self, path: str, folder: Path) -> Path:
        """Keep an answer as a file, whatever its status is."""
        kept = folder / "answer.xml"
        kept.write_bytes(requests.get(f"{self.url}{path}", timeout=30).content)
        return kept


@pytest.fixture(scope="module")
def running(database_url: str, storage_port: int) -> Iterator[Service]:
    """The service, whatever the tables hold."""
    port = free_port()
    environment = web_environment(
        DATABASE_URL=database_url, STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{storage_port}"
    )
    with storage_at(storage_port):
        store("panoptes-raw", RAW_PATH, PIXELS)
        store("panoptes-processed", "any", b"")
    command = web_command("observations-data", port)
    with serving(command, lambda: is_healthy(port), env=environment):
        yield Service(f"http://127.0.0.1:{port}")


@pytest.fixture
def service(running: Service, db: Engine) -> Service:
    """The service over an image of Orion with four sources and one of the pole with all files."""
    with rows(db) as session:
        add_sources(session, [(83.8, -5.4), (83.85, -5.4), (90.0, -5.4), (83.8, 80.0)])
    with rows(db) as session:
        images = [solved((10.0, 89.0), files=dict.fromkeys(FileKind, 7)), {}]
        add_observation(session, camera_id="ee04d1", field="<pole> & \x1b", images=images)
    return running


def stilts(*arguments: object) -> str:
    """Return what stilts says; it must not fail."""
    command = ["stilts", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "path",
    [
        "/vo/scs/sources?RA=83.8&DEC=-5.4&SR=1&VERB=3",
        "/vo/scs/sources?RA=83.8&DEC=-5.4&SR=1&MAXREC=1",
        "/vo/scs/sources?RA=x&DEC=-5.4&SR=1",
        "/vo/scs/images?RA=0&DEC=0&SR=180&VERB=3",
        "/vo/scs/images?RA=0&DEC=0&SR=0",
        "/vo/sia/query",
        "/vo/sia/query?MAXREC=1",
        "/vo/sia/query?MAXREC=0",
        "/vo/sia/query?POS=SQUARE",
        "/images/PAN001_14d3bd_20181011T134333/sources?format=votable",
    ],
)
def test_votlint_finds_nothing(service: Service, tmp_path: Path, path: str) -> None:
    # UCD1 is what Simple Cone Search wants, and what votlint's table of UCD1+ does not have.
    said = stilts("votlint", "ucd=false", service.save(path, tmp_path))
    assert said == ""


@pytest.mark.parametrize(
    "ids", [f"ivo://panoptes/solved?{IMAGE_ID}", f"ivo://panoptes/raw?{IMAGE_ID}&ID=nothing"]
)
def test_datalinklint_finds_nothing(service: Service, ids: str) -> None:
    said = stilts("datalinklint", f"votable={service.url}/vo/datalink/links?ID={ids}")
    assert "E-" not in said, said
    assert "W-" not in said, said


@pytest.mark.parametrize("name", ["sia", "datalink"])
@pytest.mark.parametrize("what", ["capabilities", "availability"])
def test_support_interfaces_follow_their_schemas(
    service: Service, tmp_path: Path, name: str, what: str
) -> None:
    said = stilts("xsdvalidate", "uselocals=true", service.save(f"/vo/{name}/{what}", tmp_path))
    assert "ERROR" not in said.upper(), said


@pytest.mark.filterwarnings("ignore::pyvo.utils.xml.exceptions.UnknownElementWarning")
def test_pyvo_reads_what_a_cone_search_can_do(service: Service) -> None:
    # stilts has no copy of the schema of ConeSearch, and pyvo knows only the general part.
    content = requests.get(f"{service.url}/vo/scs/capabilities", timeout=30).content
    with pytest.warns(UserWarning, match="cs:ConeSearch"):
        known = parse_capabilities(io.BytesIO(content))
    searches = [one for one in known if one.standardid == "ivo://ivoa.net/std/ConeSearch"]
    assert [one.interfaces[0].accessurls[0].content for one in searches] == [
        f"{service.url}/vo/scs/{name}" for name in ("sources", "images")
    ]


def test_stilts_searches_cones(service: Service, tmp_path: Path) -> None:
    found = tmp_path / "found.fits"
    stilts(
        "cone", "servicetype=cone", f"serviceurl={service.url}/vo/scs/sources",
        "lon=83.8", "lat=-5.4", "radius=0.1", "verb=3", f"out={found}",
    )  # fmt: skip
    assert sorted(Table.read(found)["number"]) == [0, 1]


def test_stilts_searches_cones_around_the_rows_of_a_table(service: Service, tmp_path: Path) -> None:
    asked, found = tmp_path / "asked.csv", tmp_path / "found.fits"
    asked.write_text("name,ra,dec\norion,83.8,-5.4\nright,90,-5.4\nempty,10,10\npole,83.8,80\n")
    stilts(
        "coneskymatch", "servicetype=cone", f"serviceurl={service.url}/vo/scs/sources",
        f"in={asked}", "ifmt=csv", "ra=ra", "dec=dec", "sr=0.1", "find=all",
        "usefoot=false",  # which would ask the CDS where there is something to find
        f"out={found}",
    )  # fmt: skip
    assert Counter(Table.read(found)["name"]) == {"orion": 2, "right": 1, "pole": 1}


def test_stilts_finds_images(service: Service, tmp_path: Path) -> None:
    found = tmp_path / "found.fits"
    stilts(
        "cone", "servicetype=sia2", f"serviceurl={service.url}/vo/sia/query",
        "lon=200", "lat=89.9", "radius=0.1", f"out={found}",
    )  # fmt: skip
    assert sorted(Table.read(found)["calib_level"]) == [1, 2]


def test_stilts_knows_from_when_days_are_counted(service: Service, tmp_path: Path) -> None:
    told = tmp_path / "columns.csv"
    stilts("tpipe", f"in={service.url}/vo/sia/query", "ifmt=votable", "cmd=meta", f"out={told}")
    origins = {
        row["Name"]: (row["TimesysTimeorigin"], row["TimesysTimescale"]) for row in Table.read(told)
    }
    assert {name: told for name, told in origins.items() if told[0]} == dict.fromkeys(
        ("t_min", "t_max"), ("MJD-origin", "UTC")
    )


def test_pyvo_searches_cones(service: Service) -> None:
    searched = SCSService(f"{service.url}/vo/scs/sources")
    found = searched.search(ORION, radius=0.1 * u.deg, verbosity=3)
    assert sorted(record.id for record in found) == [f"{IMAGE_ID}/0", f"{IMAGE_ID}/1"]
    # The distances that astropy measures, of positions kept as they were written.
    places = SkyCoord([record.pos for record in found])
    assert sorted(places.separation(ORION).deg) == pytest.approx([0, 0.05 * np.cos(
        np.radians(5.4))], abs=1e-6)  # fmt: skip


UCD1 = pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.W06")
"""Simple Cone Search wants the UCDs of 2003, astropy those of today."""


@UCD1
@pytest.mark.parametrize("catalog", ["sources", "images"])
def test_astroquery_finds_the_rows_that_pyvo_finds(service: Service, catalog: str) -> None:
    # An address of a service, which ends so, spares astroquery its list of the world's services.
    address = f"{service.url}/vo/scs/{catalog}"
    found = conesearch.conesearch(
        ORION, 0.1 * u.deg, verb=3, catalog_db=f"{address}?", cache=False, verbose=False
    )
    expected = SCSService(address).search(ORION, radius=0.1 * u.deg, verbosity=3).to_table()
    assert found.colnames == expected.colnames
    assert len(found) == {"sources": 2, "images": 1}[catalog]
    for name in found.colnames:
        assert found[name].tolist() == expected[name].tolist(), name


def test_astroquery_reads_the_reason_of_a_refusal(service: Service) -> None:
    with pytest.warns(NoResultsWarning, match="SR must be from 0 to 180"):
        conesearch.conesearch(
            ORION, 200, catalog_db=f"{service.url}/vo/scs/sources?", cache=False, verbose=False
        )


def test_pyvo_reads_the_reason_of_a_refusal(service: Service) -> None:
    with pytest.raises(DALQueryError, match="SR must be from 0 to 180"):
        SCSService(f"{service.url}/vo/scs/sources").search(ORION, radius=200 * u.deg)
    with pytest.raises(DALQueryError, match="UsageFault: RESPONSEFORMAT"):
        SIA2Service(f"{service.url}/vo/sia/query").search(RESPONSEFORMAT="csv")


def test_pyvo_finds_images_their_files_and_links(service: Service) -> None:
    searched = SIA2Service(f"{service.url}/vo/sia/query")
    found = searched.search(pos=(ORION.ra, ORION.dec, 0.5 * u.deg), calib_level=1)
    assert len(found) == 1
    record = found[0]
    assert record.obs_publisher_did == f"ivo://panoptes/raw?{IMAGE_ID}"
    assert (record.s_ra.to_value("deg"), record.s_dec.to_value("deg")) == (83.8, -5.4)
    links = record.getdatalink()
    assert {link.semantics for link in links} == {"#this", "#derivation"}
    [this] = [link for link in links if link.semantics == "#this"]
    assert this.access_url == record.access_url


@pytest.fixture
def vocabulary(tmp_path: Path) -> Iterator[None]:
    """The part of the vocabulary of links that pyvo reads, so that it asks no server for it."""
    kept = tmp_path / "core.json"
    kept.write_text(json.dumps({"terms": {"this": {"narrower": []}}}))
    with set_temp_cache(tmp_path):
        import_file_to_cache("http://www.ivoa.net/rdf/datalink/core", str(kept))
        yield


@pytest.mark.usefixtures("vocabulary")
def test_pyvo_downloads_a_frame(service: Service, tmp_path: Path) -> None:
    searched = SIA2Service(f"{service.url}/vo/sia/query")
    [record] = searched.search(pos=(ORION.ra, ORION.dec, 0.5 * u.deg), calib_level=1)
    assert record.getdataset().read() == PIXELS
    record.cachedataset(filename=str(tmp_path / "frame.fits.fz"))
    assert (tmp_path / "frame.fits.fz").read_bytes() == PIXELS


def test_pyvo_finds_a_frame_by_all_that_it_can_ask(service: Service) -> None:
    found = SIA2Service(f"{service.url}/vo/sia/query").search(**MET)
    assert [record.obs_publisher_did for record in found] == [MET["publisher_did"]]


@pytest.mark.parametrize("name", MISSED)
def test_pyvo_does_not_find_what_one_parameter_leaves_out(service: Service, name: str) -> None:
    asked = {**MET, name: MISSED[name]}
    assert len(SIA2Service(f"{service.url}/vo/sia/query").search(**asked)) == 0


def test_pyvo_gets_the_links_of_all_that_it_found(service: Service, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, unit_id="PAN002", camera_id="aa04d1", images=[{}] * 150)
    found = SIA2Service(f"{service.url}/vo/sia/query").search()
    assert len(found) == 155
    addresses = {record.obs_publisher_did: record.access_url for record in found}
    with pytest.warns(DALOverflowWarning):  # the first 100 were answered, and pyvo asks again
        links = [link for links in found.iter_datalinks() for link in links]
    these = [link for link in links if link.semantics == "#this"]
    assert {link.id: link.access_url for link in these} == addresses
    assert len(these) == len(addresses)


def test_pyvo_sees_that_there_are_more(service: Service) -> None:
    searched = SIA2Service(f"{service.url}/vo/sia/query")
    found = searched.search(maxrec=2)
    assert (len(found), found.status[0]) == (2, "OVERFLOW")
    assert searched.search(maxrec=5).status[0] == "OK"


def test_pyvo_lists_all_files_of_an_image(service: Service) -> None:
    image_id = "PAN001_ee04d1_20181011T134333"
    address = f"{service.url}/vo/datalink/links?ID=ivo://panoptes/solved?{image_id}"
    links = DatalinkResults.from_result_url(address)
    assert sorted(link.semantics for link in links) == [
        "#derivation", "#derivation", "#derivation", "#preview", "#preview", "#progenitor",
        "#progenitor", "#this", "#thumbnail",
    ]  # fmt: skip
    assert [link.content_length for link in links if link.semantics == "#thumbnail"] == [7]


def test_mocpy_reads_the_map(service: Service, tmp_path: Path) -> None:
    for form, reading in {"fits": "fits", "json": "json", "ascii": "ascii"}.items():
        content = requests.get(f"{service.url}/vo/moc?format={form}", timeout=60).content
        kept = tmp_path / f"moc.{form}"
        kept.write_bytes(content)
        moc = MOC.load(kept, format=reading)
        assert moc.contains_skycoords(ORION)
        # The areas of two frames: 148 square degrees, and cells on the edges of 14 arcmin.
        assert moc.sky_fraction * 41253 == pytest.approx(2 * 148, rel=0.1)
