"""What a process of its own keeps away from the one that asks it."""

import os
import signal
import sys
import time

import numpy as np
import pytest

from panoptes_network.errors import PermanentError, Reason, TransientError, UnsolvedError
from panoptes_network.processing import isolation


def double(value: int) -> int:
    return 2 * value


def process_id() -> int:
    return os.getpid()


def end_by(number: int) -> None:
    os.kill(os.getpid(), number)


def fill_memory() -> int:
    return int(np.ones(isolation.MEMORY_LIMIT_BYTES // 8 + 1).sum())


def sleep() -> None:
    time.sleep(60)


def run_in_circles() -> None:
    while True:
        pass


def refuse() -> None:
    raise UnsolvedError(Reason.BLANK_FRAME, "the lens cap is on")


def fail() -> None:
    raise ZeroDivisionError("a fault of ours")


def test_the_result_comes_back_from_another_process() -> None:
    assert isolation.run(double, 60, 21) == 42
    assert isolation.run(process_id, 60) != os.getpid()


def test_the_process_is_kept() -> None:
    assert isolation.run(process_id, 60) == isolation.run(process_id, 60)


def is_imported(module: str) -> bool:
    return module in sys.modules


def test_what_is_prepared_is_imported_there_alone() -> None:
    isolation.prepare("wave")
    assert isolation.run(is_imported, 60, "wave")
    assert not is_imported("wave")


def test_a_refusal_keeps_its_kind_reason_and_words() -> None:
    with pytest.raises(UnsolvedError, match="lens cap") as caught:
        isolation.run(refuse, 60)
    assert caught.value.reason is Reason.BLANK_FRAME


def test_a_fault_of_ours_is_none_of_the_files() -> None:
    with pytest.raises(ZeroDivisionError):
        isolation.run(fail, 60)


def test_more_memory_than_allowed() -> None:
    with pytest.raises(PermanentError, match="MB") as caught:
        isolation.run(fill_memory, 60)
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_crash_is_the_files_fault() -> None:
    with pytest.raises(PermanentError, match="SIGSEGV") as caught:
        isolation.run(end_by, 60, signal.SIGSEGV)
    assert caught.value.reason is Reason.DAMAGED_FILE


def test_being_killed_is_not() -> None:
    with pytest.raises(TransientError):
        isolation.run(end_by, 60, signal.SIGKILL)


def test_a_process_that_hangs_is_killed() -> None:
    with pytest.raises(TransientError, match="not be processed within"):
        isolation.run(sleep, 0.5)


def test_running_in_circles_is_the_files_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "CPU_SHARE", 0.01)
    with pytest.raises(PermanentError, match="endlessly") as caught:
        isolation.run(run_in_circles, 60)
    assert caught.value.reason is Reason.DAMAGED_FILE


def test_work_goes_on_after_all_that() -> None:
    assert isolation.run(double, 60, 4) == 8


def test_a_pool_that_broke_is_replaced() -> None:
    isolation._pool().stop()  # type: ignore[no-untyped-call]
    with pytest.raises(TransientError, match="did not start"):
        isolation.run(double, 60, 4)
    assert isolation.run(double, 60, 4) == 8
