"""What the explorer's first page costs a reader: requests, bytes, and how long until it is seen.

A database of some thousand observations, small pictures drawn of simulated frames by the
network's own code, the two web services as they run, and Chromium. The floor is the same page
with all that it loads, byte for byte, from memory: without rendering, data service, database
and storage.
"""

import argparse
import statistics
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from pkgutil import resolve_name

import big_database
import requests
import services  # noqa: F401 - the folder of cf-make-jpg is on the path behind it
import table
from page_floor import from_memory
from page_visit import KINDS, OTHER, SCHOOL, Line, Visit, chromium, visits
from playwright.sync_api import Browser
from servers import database, object_storage, open_folder, web_server

from panoptes_network import storage
from panoptes_network.config import settings
from simulator import Observation, simulate

SEQUENCES = 2_000
FIELDS = ((83.8, -5.4), (192.0, 27.0), (301.6, 44.5))
"""RA and Dec of the small pictures, which take turns: degrees, bright, empty and full of stars."""
TIMES = {
    "answer_ms": "answer",
    "first_paint_ms": "first paint",
    "largest_paint_ms": "largest paint",
    "load_ms": "load",
    "complete_ms": "all there",
}


WHICH = ("cache empty", "second visit")

Rounds = dict[str, list[tuple[Visit, Visit]]]
"""By side, of each round the first visit and the second."""


def main() -> None:
    """Measure and print."""
    options = _options()
    with (
        open_folder() as folder,
        database(folder / "cluster"),
        object_storage(folder / "buckets"),
    ):
        big_database.make(options.sequences, options.images, 0)
        with (
            web_server("observations-data") as data,
            web_server("observations-explorer", OBSERVATIONS_DATA_URL=data) as explorer,
            chromium() as browser,
        ):
            table.heading(_store_pictures(data, folder))
            _measure(browser, f"{explorer}/", options.rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--images", type=int, default=big_database.IMAGES, help="of one sequence")
    parser.add_argument("--rounds", type=int, default=10, help="visits of each kind")
    return parser.parse_args()


def _store_pictures(data_url: str, folder: Path) -> str:
    """Put the small pictures of the first page where it looks for them; tell how many."""
    found = requests.get(f"{data_url}/observations?limit=50", timeout=60).json()
    drawn = [_draw(number, folder / f"field{number}") for number in range(len(FIELDS))]
    wanted = [row["thumbnail"]["path"] for row in found["items"] if row["thumbnail"]]
    for path, picture in zip(wanted, cycle(drawn), strict=False):
        bucket = settings().processed_bucket
        storage.upload(bucket, path, picture, metadata={}, content_type="image/jpeg")
    sizes = ", ".join(f"{picture.stat().st_size / 1000:.1f}" for picture in drawn)
    return (
        f"{found['total']:,} observations; {len(found['items'])} on the first page,"
        f" {len(wanted)} of them with a picture ({sizes} kB)"
    )


def _draw(number: int, folder: Path) -> Path:
    """Return the thumbnail that cf-make-jpg makes of a full frame."""
    ra_deg, dec_deg = FIELDS[number]
    (frame,) = simulate(Observation(ra_deg=ra_deg, dec_deg=dec_deg))
    make = resolve_name("make_jpg")
    made: Callable[[Path, object, Path], None] = make.write_pictures
    made(frame.write(folder), frame.object_path, folder)
    return folder / str(make.THUMBNAIL.ending)


def _measure(browser: Browser, address: str, rounds: int) -> None:
    seen = visits(browser, address, None)[0]  # the services' first answer, and what there is
    with from_memory(seen.addresses) as copy:
        for line in (None, SCHOOL):
            sides = {"ours": address, "floor": copy}
            done: Rounds = {side: [] for side in sides}
            for _ in range(rounds):
                for side, url in sides.items():
                    done[side].append(visits(browser, url, line))
            _print_times(done, line)
            if line is None:
                _print_wire(done["ours"])


def _print_times(done: Rounds, line: Line | None) -> None:
    rounds = len(done["ours"])
    print(f"\nms, median of {rounds} visits: {line.words if line else 'over loopback'}")
    print(f"  {'':22}{''.join(f'{words:>15}' for words in TIMES.values())}{'shift':>10}")
    for which, words in enumerate(WHICH):
        for side, pairs in done.items():
            times = [pair[which].times for pair in pairs]
            figures = "".join(f"{_median(times, name):15,.0f}" for name in TIMES)
            print(f"  {f'{words}, {side}':22}{figures}{_median(times, 'shift'):10.3f}")
        ratios = "".join(f"{_ratio(done, which, name):13.2f} x" for name in TIMES)
        print(f"  {f'{words}, ratio':22}{ratios}")


def _median(times: list[dict[str, float]], name: str) -> float:
    return statistics.median(one[name] for one in times)


def _ratio(done: Rounds, which: int, name: str) -> float:
    pairs = zip(done["ours"], done["floor"], strict=True)
    return statistics.median(
        ours[which].times[name] / floor[which].times[name] for ours, floor in pairs
    )


def _print_wire(pairs: list[tuple[Visit, Visit]]) -> None:
    kinds = [*KINDS.values(), OTHER]
    print("\nover the wire: requests and kB, headers and all")
    print(f"  {'':22}{''.join(f'{kind:>15}' for kind in kinds)}{'sum':>15}")
    for words, visit in zip(WHICH, pairs[-1], strict=True):
        requests_of = [visit.requests[kind] for kind in kinds]
        kilobytes = [visit.n_bytes[kind] / 1000 for kind in kinds]
        cells = zip([*requests_of, sum(requests_of)], [*kilobytes, sum(kilobytes)], strict=True)
        print(f"  {words:22}{''.join(f'{number:5} {size:9.1f}' for number, size in cells)}")


if __name__ == "__main__":
    main()
