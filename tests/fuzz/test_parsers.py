"""No bytes from outside bring a parser down: a share of what ``make fuzz`` does at length."""

import pytest

from tests.fuzz.harness import INPUTS
from tests.fuzz.running import BOUNDS_MIB, Run, run_all


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return run_all()


@pytest.mark.parametrize("name", BOUNDS_MIB)
def test_a_parser_reads_or_refuses(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert run.within(BOUNDS_MIB[name]), run
    result = run.result
    assert result is not None
    assert result.inputs >= INPUTS
    assert len(result.outcomes) > 1  # inputs of which all end alike show nothing
