"""The readers of CR2 files, and what they may return."""

import math
import resource
import tempfile
from pathlib import Path

from panoptes_network.errors import PermanentError
from panoptes_network.frames.cr2 import cards
from panoptes_network.frames.cr2.structure import MAX_SENSOR_PIXELS, MIN_SENSOR_SIDE, read_structure
from panoptes_network.ids import parse_path
from panoptes_network.processing import isolation
from tests.fuzz import broken_cr2
from tests.fuzz.decoding import decode
from tests.fuzz.harness import TIME_LIMIT_S, Parser, own_peak_mib
from tests.fuzz.mutations import broken

_FOLDER = tempfile.TemporaryDirectory()
_PATH = Path(_FOLDER.name) / "input.cr2"
_OBJECT_PATH = parse_path("PAN001/M42/14d3bd/20181011T134202/20181011T134333.cr2")


def _read_cards(data: bytes) -> None:
    _PATH.write_bytes(data)
    cr2 = read_structure(_PATH)
    assert min(cr2.sensor_height, cr2.sensor_width) >= MIN_SENSOR_SIDE
    assert cr2.sensor_height * cr2.sensor_width <= MAX_SENSOR_PIXELS
    for keyword, value, _ in cards.camera_cards(cr2):
        assert 0 < len(keyword) <= 8
        assert isinstance(value, str) or math.isfinite(value)
    # A card that FITS cannot hold fails here at the latest.
    cards.header(cr2, _OBJECT_PATH).tostring()


def _read_mosaic(data: bytes) -> None:
    """Decode as the converters do, in a process of its own; also what they would not begin with."""
    _PATH.write_bytes(data)
    dtype, shape = isolation.run(decode, TIME_LIMIT_S - 2, _PATH)
    assert dtype == "uint16"
    assert len(shape) == 2
    assert min(shape) > 0
    if _is_plausible():
        assert math.prod(shape) <= MAX_SENSOR_PIXELS


def _is_plausible() -> bool:
    try:
        read_structure(_PATH)
    except PermanentError:
        return False
    return True


def _decoder_peak_mib() -> int:
    """Return the most memory of the processes that have decoded."""
    pool = isolation._pool()
    pool.close()  # type: ignore[no-untyped-call]
    pool.join()
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


_INPUTS = broken([broken_cr2.whole()], broken_cr2.TAGS)

PARSERS = {
    "cr2.structure, cr2.cards": Parser(_read_cards, _INPUTS, broken_cr2.corpus, 300, own_peak_mib),
    "cr2.pixels.read_mosaic": Parser(
        _read_mosaic,
        _INPUTS,
        broken_cr2.corpus,
        isolation.MEMORY_LIMIT_BYTES // 10**6 + 100,
        _decoder_peak_mib,
    ),
}
