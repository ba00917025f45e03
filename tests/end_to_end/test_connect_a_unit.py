"""docs/connect-a-unit.md followed word by word, with a real frame; and POCS's own upload code."""

import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

from panoptes_network.ids import parse_path
from tests.end_to_end.conftest import Network

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/connect-a-unit.md"
IMAGE_ID = "PAN012_14d3bd_20160909T081152"
DARK_ID = "PAN012_14d3bd_20160909T050102"
TIMEOUT_S = 240


def commands() -> str:
    """Return all commands of the document, in order."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))


def test_the_document_word_by_word(net: Network, real_frame: Path, tmp_path: Path) -> None:
    shutil.copy(real_frame, tmp_path / "frame.fits")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()],
        cwd=tmp_path,
        env={**os.environ, **net.env, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PAN012 is now a unit of the network" in done.stdout
    assert f'{{"image_id":"{IMAGE_ID}"' in done.stdout
    assert '"state":"sources_extracted"' in done.stdout
    assert done.stdout.splitlines()[-1] == "bad_time"

    image = net.wait_for_end(IMAGE_ID)
    assert image["state"] == "sources_extracted", image["reason"]
    dark = net.wait_for_end(DARK_ID)
    assert (dark["state"], dark["reason_code"]) == ("skipped", "dark_frame")
    for page in (f"/images/{IMAGE_ID}", f"/observations/{IMAGE_ID}", "/uploads?unit=PAN012"):
        assert net.get(page).ok
    assert "PAN012/M42/14d3bd/19700101T000007/" in net.get("/uploads?unit=PAN012").text
    assert net.get("/units/PAN012/nights/2016-09-08").ok


def test_its_example_names_are_paths_of_images() -> None:
    names = re.findall(r"PAN012/\S+\.(?:cr2|fits)", DOCUMENT.read_text())
    assert "PAN012/M42/14d3bd/20181011T134202/20181011T134333.cr2" in names
    for name in names:
        assert parse_path(name).image_id == "PAN012_14d3bd_20181011T134333"


@pytest.fixture
def pocs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """POCS's module that uploads, of its wheel."""
    wheel = os.environ.get("POCS_WHEEL")
    if not wheel:
        pytest.skip("POCS_WHEEL names no wheel: pip download --no-deps panoptes-pocs==0.8.6")
    logger = ModuleType("panoptes.pocs.utils.logger")
    logger.get_logger = logging.getLogger  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, logger.__name__, logger)  # it needs packages of a unit
    module = ModuleType("panoptes.pocs.utils.cloud")
    source = ZipFile(wheel).read("panoptes/pocs/utils/cloud.py")
    exec(compile(source, wheel, "exec"), module.__dict__)  # noqa: S102
    return module


def test_pocs_own_code_uploads_to_the_network(
    net: Network, pocs: ModuleType, real_frame: Path, tmp_path: Path
) -> None:
    # As its Observatory does: below the images' folder, then the unit's id before the rest.
    relative = Path("KIC 8462852/ee04d1/20160909T081152/20160909T081152.fits")
    local = tmp_path / "images" / relative
    local.parent.mkdir(parents=True)
    shutil.copy(real_frame, local)
    picture = local.with_suffix(".jpg")
    picture.write_bytes(b"\xff\xd8\xff picture")
    name = Path("PAN012") / local.relative_to(tmp_path / "images")
    bucket = net.env["RAW_BUCKET"]
    url = pocs.upload_image(local, name.as_posix(), bucket)
    pocs.upload_image(picture, name.with_suffix(".jpg").as_posix(), bucket)
    assert url.endswith("PAN012/KIC%208462852/ee04d1/20160909T081152/20160909T081152.fits")
    image = net.wait_for_end("PAN012_ee04d1_20160909T081152")
    assert image["state"] == "sources_extracted", image["reason"]
    assert net.rows("SELECT * FROM image_events WHERE bucket_path LIKE 'PAN012/%.jpg'") == []
