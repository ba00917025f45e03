"""Whatever is uploaded, is found again: the balance of the bucket is exact, each kind is told."""

import gzip
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from panoptes_network import config
from panoptes_network.operations.sweep import sweep_all
from tests.end_to_end.conftest import Network
from tests.service.support.functions import frame

FITS = frame()
NIGHT, SEQUENCE = "2018-08-11", "20180812T083000"


@dataclass(frozen=True)
class Kind:
    """One object: its name, its bytes, its group in the balance, and the reason of its end.

    `U`, `u` and `C` stand for a unit, the same in small letters, and its camera.
    """

    path: str
    group: str
    reason: str = "wrong_shape"
    data: bytes = FITS
    encoding: str | None = None
    is_deleted: bool = False


FOLDER = f"U/M42/C/{SEQUENCE}"
KINDS = (
    Kind(f"{FOLDER}/20180812T083000.fits", "images"),
    Kind(f"{FOLDER}/20180812T083100.FIT", "images"),
    Kind(f"u/M42/C/{SEQUENCE}/20180812T083200Z.fts", "images"),
    Kind(f"{FOLDER}/2018-08-12T08:33:00.5.fits", "images"),
    Kind(f"{FOLDER}/U_C_20180812T083400.fits", "images"),
    Kind("U/upload/night.fits", "images", data=b"IMAGEID"),
    Kind(f"{FOLDER}/20180812T083600.fits.gz", "images", data=gzip.compress(FITS)),
    Kind(f"{FOLDER}/20180812T083700.fits", "images", data=gzip.compress(FITS), encoding="gzip"),
    Kind(f"{FOLDER}/20180812T083800.cr2", "images", "not_cr2"),
    Kind(f"{FOLDER}/20180812T083900.fits", "images", "empty_file", b""),
    Kind(f"{FOLDER}/20180812T084000.fits", "images", "not_fits", b"no FITS"),
    Kind(f"U/darks/C/{SEQUENCE}/20180812T084100.fits", "images", "dark_frame"),
    Kind(f"{FOLDER}/20180812T084200.fits", "images", "flat_frame", frame(IMAGETYP="Flat Field")),
    Kind(f"U/focus/C/{SEQUENCE}/20180812T084300.cr2", "images", "focus_frame"),
    Kind("U/bias/bias_001.fits", "refused", "bias_frame"),
    Kind(f"{FOLDER}/pointing00.fits", "refused", "pointing_image"),
    Kind(f"{FOLDER}/20180812T084400.cr3", "refused", "unknown_file_type"),
    Kind(f"{FOLDER}/20180812T084500.nef", "refused", "unknown_file_type"),
    Kind(f"{FOLDER}/20180812T084600.dng", "refused", "unknown_file_type"),
    Kind(f"{FOLDER}/20180812T084700.png", "refused", "unknown_file_type"),
    Kind(f"{FOLDER}/20180812T083060.cr2", "refused", "bad_path"),
    Kind("U/20180812.cr2", "refused", "bad_path"),
    Kind(f"{FOLDER}/night.fits", "refused", "no_identity"),
    Kind(f"U/M\u202e42/C/{SEQUENCE}/20180812T084800.fits", "refused", "bad_path"),
    Kind("U/M42/C/00010101T000000/00010101T000000.fits", "refused", "bad_time"),
    Kind("U/M42/C/99991231T235959/99991231T235959.cr2", "refused", "bad_time"),
    Kind(f"{FOLDER}/20180812T083000.jpg", "companions"),
    Kind(f"U/M42/C/{SEQUENCE}.mp4", "companions"),
    Kind("U/notes.txt", "refused", "unknown_file_type", is_deleted=True),
    Kind(f"{FOLDER}/20180812T084900.fits", "images", is_deleted=True),
)


@pytest.fixture
def balance(net: Network, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counter[str]]:
    """Count what is in the raw bucket, without a period of grace."""
    monkeypatch.setenv("SWEEP_GRACE_S", "0.001")
    config.settings.cache_clear()

    def count() -> Counter[str]:
        report = sweep_all(dry_run=True)
        counts = Counter({str(group): n for group, n in report.balance.groups.items()})
        assert report.looked_at == counts.total()
        return counts + report.balance.refused + Counter(rows_without_object=report.balance.n_gone)

    return count


MANY = [pytest.mark.faults, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("copies", [1, pytest.param(10, marks=MANY)])
def test_every_object_is_in_the_balance_and_each_kind_in_the_night_report(
    net: Network, balance: Callable[[], Counter[str]], copies: int
) -> None:
    before = balance()
    # Units and cameras of this test alone.
    first = 800 + copies
    units = [(f"PAN{first + n}", f"e{first + n:03}ea") for n in range(copies)]
    wanted = [(kind, *unit) for unit in units for kind in KINDS]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: _upload(net, *one), wanted))

    def is_settled() -> bool:
        now = balance()
        return not now["lost"] and not now["waiting"]

    limit_s = 60 * (1 + copies)
    net.wait_for(is_settled, limit_s)
    assert _difference(balance(), before) == _expected(copies, deleted=False)
    net.wait_for(lambda: not any(_n_waiting(net, unit) for unit, _ in units), limit_s)
    for kind, unit, camera in wanted:
        if kind.is_deleted:
            net.client.bucket(net.env["RAW_BUCKET"]).blob(_path(kind, unit, camera)).delete()
    assert _difference(balance(), before) == _expected(copies, deleted=True)

    unit = units[0][0]
    # A file without a time is told of in the night of its arrival.
    today = datetime.now(UTC).date()
    nights = (NIGHT, str(today), str(today - timedelta(days=1)))
    told = {reason for night in nights for reason in _reasons(_report(net, unit, night))}
    assert told == {kind.reason for kind in KINDS if kind.group != "companions"}


def _expected(copies: int, *, deleted: bool) -> Counter[str]:
    there = [kind for kind in KINDS if not (deleted and kind.is_deleted)]
    expected = Counter(kind.group for kind in there)
    expected += Counter(kind.reason for kind in there if kind.group == "refused")
    expected["rows_without_object"] = len(KINDS) - len(there)
    return Counter({name: count * copies for name, count in expected.items() if count})


def _difference(after: Counter[str], before: Counter[str]) -> Counter[str]:
    """Return how many more there are; what is fewer shows as a difference, too."""
    changes = {name: after[name] - before[name] for name in after.keys() | before.keys()}
    return Counter({name: count for name, count in changes.items() if count})


def _path(kind: Kind, unit: str, camera: str) -> str:
    named = {"U": unit, "u": unit.lower(), "C": camera}
    parts = [named.get(part, part) for part in kind.path.split("/")]
    return "/".join(parts).replace("U_C_", f"{unit}_{camera}_")


def _upload(net: Network, kind: Kind, unit: str, camera: str) -> None:
    blob = net.client.bucket(net.env["RAW_BUCKET"]).blob(_path(kind, unit, camera))
    blob.content_encoding = kind.encoding
    named = frame(IMAGEID=f"{unit}_{camera}_20180812T083500")
    blob.upload_from_string(named if kind.data == b"IMAGEID" else kind.data)


def _report(net: Network, unit: str, night: str) -> dict[str, Any]:
    url = f"{net.env['OBSERVATIONS_DATA_URL']}/units/{unit}/nights/{night}"
    answer = requests.get(url, timeout=30)
    assert answer.ok, answer.text
    report: dict[str, Any] = answer.json()
    return report


def _n_waiting(net: Network, unit: str) -> int:
    return int(_report(net, unit, NIGHT)["waiting"]["count"])


def _reasons(report: dict[str, Any]) -> set[str]:
    return {group["reason_code"] for group in (*report["failures"], *report["refused"])}
