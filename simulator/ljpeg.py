"""Lossless JPEG (ITU-T T.81, annex H) as Canon's CR2 files hold it: 14 bit, two components."""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BITS = 14
COMPONENTS = 2
_CODE_BITS = (5, 5, 4, 3, 2, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12)
"""Bits of the Huffman code for a difference of 0, 1, 2… bits: short for typical noise.

One table serves all frames: a custom one would save 1 % of the size and cost a pass.
"""
_CHUNK_SAMPLES = 500_000
"""Samples encoded at a time: few enough for the cache, enough to amortize numpy's calls."""
_WORD_BITS = np.uint64(64)


def encode(samples: NDArray[np.uint16]) -> bytes:
    """Compress an image, columns taken alternately as its two components.

    Parameters
    ----------
    samples : ndarray of uint16, shape (height, width)
        Values below 2^14; 1 to 65535 rows, an even number of columns from 2 to 131070.

    Returns
    -------
    bytes
        From SOI to EOI. Predictor 1: each sample is foretold by the one before it of the same
        component, the first of a row by the first of the row above.

    Raises
    ------
    ValueError
        For another size, or a larger value.
    """
    height, width = samples.shape
    if not (1 <= height <= 65535 and 2 <= width <= 131070) or width % COMPONENTS:
        raise ValueError(f"a two-component JPEG cannot have {width}x{height} samples")
    if samples.max() >> BITS:
        raise ValueError(f"a sample has more than {BITS} bits")
    scan = b"".join(_scan(samples)).replace(b"\xff", b"\xff\x00")
    return _headers(height, width) + scan + b"\xff\xd9"


def _headers(height: int, width: int) -> bytes:
    """Return SOI and the segments DHT, SOF3 and SOS."""
    of_length = [_CODE_BITS.count(length) for length in range(1, 17)]
    table = bytes([0, *of_length, *_symbols()])
    components = range(1, COMPONENTS + 1)
    frame = struct.pack(">BHHB", BITS, height, width // COMPONENTS, COMPONENTS)
    frame += b"".join(bytes([component, 0x11, 0]) for component in components)
    scan = bytes([COMPONENTS, *(byte for c in components for byte in (c, 0)), 1, 0, 0])
    segments = ((0xC4, table), (0xC3, frame), (0xDA, scan))
    return b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments
    )


def _symbols() -> list[int]:
    """Return the numbers of bits in the order of their codes."""
    return sorted(range(len(_CODE_BITS)), key=lambda bits: _CODE_BITS[bits])


def _code_table() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return code, aligned to the left, and its length for each difference modulo 2^16.

    A code is the Huffman code of the number of bits of the difference (annex C.2), then those
    bits, of the difference less one where it is negative (annex F.1.2.1).
    """
    codes, lengths = np.zeros(2**16, np.uint64), np.zeros(2**16, np.uint64)
    huffman, previous = -1, 0
    for bits in _symbols():
        length = _CODE_BITS[bits]
        huffman = (huffman + 1) << (length - previous)
        previous = length
        magnitudes = np.arange(1 << bits >> 1, 1 << bits)
        for differences, extra in (
            (magnitudes, magnitudes),
            (-magnitudes, (1 << bits) - 1 - magnitudes),
        ):
            whole = ((huffman << bits) + extra).astype(np.uint64)
            codes[differences] = whole << np.uint64(64 - length - bits)
            lengths[differences] = length + bits
    return codes, lengths


_CODES, _LENGTHS = _code_table()


def _scan(samples: NDArray[np.uint16]) -> Iterator[bytes]:
    """Yield the entropy-coded bits, the last byte filled up with ones."""
    rows = max(_CHUNK_SAMPLES // samples.shape[1], 1)
    above = np.full((1, COMPONENTS), 1 << (BITS - 1), np.uint16)
    pending, pending_bits = np.uint64(0), np.uint64(0)
    for start in range(0, len(samples), rows):
        chunk = samples[start : start + rows]
        words, end = _pack(_differences(chunk, above), pending_bits)
        words[0] |= pending
        complete = int(end // _WORD_BITS)
        yield words[:complete].astype(">u8").tobytes()
        pending, pending_bits = words[complete], end % _WORD_BITS
        above = chunk[-1:, :COMPONENTS]
    filled = int(pending) | (1 << (64 - int(pending_bits))) - 1
    yield filled.to_bytes(8, "big")[: -(-int(pending_bits) // 8)]


def _differences(chunk: NDArray[np.uint16], above: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the prediction errors modulo 2^16, shape (samples,)."""
    differences = np.empty_like(chunk, order="C")
    differences[:, COMPONENTS:] = chunk[:, COMPONENTS:] - chunk[:, :-COMPONENTS]
    firsts = chunk[:, :COMPONENTS]
    differences[:, :COMPONENTS] = firsts - np.concatenate([above, firsts[:-1]])
    return differences.ravel()


def _pack(
    differences: NDArray[np.uint16], start_bit: np.uint64
) -> tuple[NDArray[np.uint64], np.uint64]:
    """Concatenate codes.

    Parameters
    ----------
    differences : ndarray of uint16, shape (n,)
        An even number, 2 or more.
    start_bit : numpy.uint64
        Where in the first word to begin, 0 to 63.

    Returns
    -------
    ndarray of uint64
        Words, the first bit highest; the last one may be empty.
    numpy.uint64
        The bit after the last code, counted from the first word's start.
    """
    codes, lengths = _CODES[differences], _LENGTHS[differences]
    # Two neighbours together have 52 bits at most, and half as many to go on with.
    codes = codes[0::2] | codes[1::2] >> lengths[0::2]
    lengths = lengths[0::2] + lengths[1::2]
    ends = np.cumsum(lengths) + start_bit
    word, offset = np.divmod(ends - lengths, _WORD_BITS)
    # A code is shorter than a word, so one begins in each word; the last one may run over.
    lasts = np.append(np.flatnonzero(word[1:] != word[:-1]), word.size - 1)
    firsts = np.append(0, lasts[:-1] + 1)
    words = np.append(np.bitwise_or.reduceat(codes >> offset, firsts), np.uint64(0))
    words[1:] |= codes[lasts] << (_WORD_BITS - offset[lasts])
    return words, ends[-1]
