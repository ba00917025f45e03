"""The strip of text below a picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from panoptes_network.pictures.caption import with_caption

LONG = "A field whose name is longer than any picture is wide, " * 40


def strip_of(width: int, left: str, right: str, height: int = 60) -> NDArray[np.bool_]:
    """Return where text is in the strip below a picture: [y, x]."""
    captioned = np.asarray(with_caption(Image.new("RGB", (width, height)), left, right))
    return np.asarray(captioned[height:].max(axis=2) > 40)


def columns(text: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.flatnonzero(text.any(axis=0))


@pytest.mark.parametrize("size", [(1, 1), (100, 66), (320, 213), (2604, 1738), (2604, 1739)])
def test_the_picture_is_untouched_above_a_strip(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    captioned = with_caption(Image.fromarray(pixels), "M42", "08:30 UTC")
    assert captioned.mode == "RGB"
    assert (np.asarray(captioned)[: size[1]] == pixels).all()
    assert captioned.width == size[0]
    assert captioned.height % 2 == 0
    assert 16 <= captioned.height - size[1] <= max(17, size[0] / 45)


def test_left_text_is_left_and_right_text_is_right() -> None:
    left, right = columns(strip_of(640, "M42", "")), columns(strip_of(640, "", "08:30 UTC"))
    assert 0 < left.min() < left.max() < 100
    assert 500 < right.min() < right.max() < 640
    assert set(columns(strip_of(640, "M42", "08:30 UTC"))) == {*left, *right}


def test_empty_texts_leave_an_empty_strip() -> None:
    assert not strip_of(320, "", "").any()


@pytest.mark.parametrize("width", [100, 101, 320, 1300])
@pytest.mark.parametrize("left", ["", LONG])
@pytest.mark.parametrize("right", ["", "08:30 UTC", LONG])
def test_no_text_overflows(width: int, left: str, right: str) -> None:
    text = strip_of(width, left, right)
    margin = text.shape[0] // 2 - 2
    assert not text[:, :margin].any()
    assert not text[:, width - margin :].any()
    assert not text[[0, -1]].any()


def test_the_time_is_whole_and_apart_from_a_long_name() -> None:
    alone = strip_of(320, "", "2018-08-12 08:30 UTC")
    both = strip_of(320, LONG, "2018-08-12 08:30 UTC")
    start = columns(alone).min()
    assert (both[:, start:] == alone[:, start:]).all()
    assert not both[:, start - 10 : start].any()


def test_a_name_is_cut_only_where_it_has_to_be() -> None:
    used = columns(strip_of(640, LONG, ""))
    assert used.max() > 600
    assert (strip_of(640, "Orion", "") == strip_of(640, " Orion\n", "")).all()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Туманность", "Tumannost'"),
        ("星雲", "XingYun"),
        ("Ωμέγα", "Omega"),
        ("M42\x00\x1b[31m\r\nOrion", "M42 [31m Orion"),
        ("M42\u202e\u200bOrion", "M42 Orion"),
        ("\ud800M42", "M42"),
    ],
)
def test_other_scripts_and_control_characters(text: str, plain: str) -> None:
    assert (strip_of(640, text, text) == strip_of(640, plain, plain)).all()


@given(st.text(), st.text(), st.integers(100, 400))
def test_any_text_at_any_width(left: str, right: str, width: int) -> None:
    text = strip_of(width, left, right, height=3)
    assert not text[:, :5].any()
    assert not text[:, -5:].any()
