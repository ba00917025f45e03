"""Thousands of hostile inputs for one parser, in a process that is watched from outside."""

import faulthandler
import gc
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from panoptes_network.errors import PermanentError, Reason
from tests.memory import forget_peak, peak_bytes

ROOT = Path(__file__).parents[2]
INPUTS = int(os.environ.get("FUZZ_INPUTS", "100"))
"""A parser's share in every test run; `make fuzz` asks for more."""

TIME_LIMIT_S = 20.0
"""For one input: what takes longer is taken for a hang. Full frames take less than 3 s."""

MAX_WORDS = 2000
"""Characters of a file's refusal: it is kept in the database and shown on a page."""

_BATCH = 50
"""Examples drawn in one run of Hypothesis, which keeps them all in memory."""

_LAST_RESORT_BYTES = 6 * 10**9
_MIB = 2**20


@dataclass(frozen=True)
class Parser:
    """What is to be fuzzed.

    Attributes
    ----------
    read : callable
        Reads one input and asserts that what comes out is sane; refuses by PermanentError.
    inputs : SearchStrategy
        Lists of hostile inputs.
    corpus : callable
        Returns inputs made by hand, all read before the others.
    bound_mib : int
        What the process that reads may occupy.
    peak_mib : callable
        Most memory so far of the process that reads.
    max_words : int
        Characters that a refusal may have.
    """

    read: Callable[[Any], object]
    inputs: SearchStrategy[list[Any]]
    corpus: Callable[[], Sequence[Any]]
    bound_mib: int
    peak_mib: Callable[[], int]
    max_words: int = MAX_WORDS


@dataclass(frozen=True)
class Result:
    """How a parser took its inputs: how many of them, and how each ended."""

    inputs: int
    seconds: float
    peak_mib: int
    outcomes: dict[str, int]


def own_peak_mib() -> int:
    """Return the most memory that this process has had."""
    return peak_bytes() // _MIB


def fuzz(parser: Parser, inputs: int, random_seed: int) -> Result:
    """Let a parser read its corpus and so many inputs or some more.

    A failure is raised for the least input that shows it; a hang or a crash ends the process.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (_LAST_RESORT_BYTES, _LAST_RESORT_BYTES))
    corpus = parser.corpus()
    # What making the corpus took does not count, nor Hypothesis' table of all characters: 200 MiB
    # at the first text that is ever drawn.
    _drive(given(parser.inputs)(lambda _: None), random_seed)
    forget_peak()
    outcomes: Counter[str] = Counter()
    start = time.monotonic()

    def read_all(values: Sequence[Any]) -> None:
        for value in values:
            outcomes[_outcome(parser, value)] += 1

    read_all(corpus)
    while outcomes.total() < inputs:
        _drive(given(parser.inputs)(read_all), random_seed + outcomes.total())
    seconds = time.monotonic() - start
    return Result(outcomes.total(), seconds, parser.peak_mib(), dict(outcomes.most_common()))


def _drive(read: Callable[[], None], random_seed: int) -> None:
    run = settings(
        max_examples=_BATCH,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )(read)
    seed(random_seed)(run)()
    gc.collect()


def _outcome(parser: Parser, value: Any) -> str:
    faulthandler.dump_traceback_later(TIME_LIMIT_S, exit=True)
    try:
        parser.read(value)
    except PermanentError as error:
        _check_refusal(error, parser.max_words)
        return "crash, contained" if "decoder crash" in error.message else str(error.reason)
    finally:
        faulthandler.cancel_dump_traceback_later()
    return "read"


def _check_refusal(error: PermanentError, max_words: int) -> None:
    assert isinstance(error.reason, Reason)
    assert 0 < len(error.message) <= max_words, f"{len(error.message)} characters"
    error.message.encode()
