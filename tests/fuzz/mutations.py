"""Ways in which bytes break: bits, cuts, splices, and numbers that lie."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

EXTREME = (0, 1, 2, 3, 7, 255, 2**15 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)
"""Where lengths, offsets and counts overflow."""

Place = st.one_of(st.integers(0, 200), st.integers(0, 12_000), st.integers(0, 2**24))
"""Headers lie at the beginning, and break in more ways; each file's length is the modulus."""

Mutation = Callable[[bytes], bytes]


def _flip(place: int, bit: int) -> Mutation:
    return lambda data: _overwrite(data, place, lambda old: bytes([old[0] ^ 1 << bit]), 1)


def _number(place: int, value: int, size: int, order: str) -> Mutation:
    packed = (value % 256**size).to_bytes(size, "big" if order == "big" else "little")
    return lambda data: _overwrite(data, place, lambda old: packed[: len(old)], size)


def _overwrite(data: bytes, place: int, new: Callable[[bytes], bytes], size: int) -> bytes:
    if not data:
        return data
    at = place % len(data)
    return data[:at] + new(data[at : at + size]) + data[at + size :]


def _cut(place: int) -> Mutation:
    return lambda data: data[: place % (len(data) + 1)]


def _insert(place: int, more: bytes) -> Mutation:
    return lambda data: data[: place % (len(data) + 1)] + more + data[place % (len(data) + 1) :]


def _move(place: int, target: int, size: int) -> Mutation:
    """Copy a piece of the data over another one."""

    def move(data: bytes) -> bytes:
        if not data:
            return data
        piece = data[place % len(data) :][:size]
        at = target % len(data)
        return data[:at] + piece + data[at + len(piece) :]

    return move


MUTATIONS: st.SearchStrategy[Mutation] = st.one_of(
    st.builds(_flip, Place, st.integers(0, 7)),
    st.builds(
        _number,
        Place,
        st.sampled_from(EXTREME),
        st.sampled_from([1, 2, 4, 8]),
        st.sampled_from(["big", "little"]),
    ),
    st.builds(_cut, Place),
    st.builds(_insert, Place, st.binary(max_size=40)),
    st.builds(_move, Place, Place, st.sampled_from([2, 12, 80, 700, 2880])),
)


@st.composite
def broken(
    draw: st.DrawFn,
    seeds: Sequence[bytes],
    own: st.SearchStrategy[Mutation],
    others: st.SearchStrategy[Mutation] = MUTATIONS,
) -> list[bytes]:
    """Take one of `seeds` and break it in a few of a format's own ways, and in those of any.

    What it was after each step is an input, too: drawing takes longer than reading.
    """
    stages = [draw(st.sampled_from(seeds))]
    for mutate in draw(st.lists(own, max_size=4)) + draw(st.lists(others, max_size=3)):
        stages.append(mutate(stages[-1]))
    return stages[1:] or stages
