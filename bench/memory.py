"""The most memory that processes ever had.

Read as VmHWM, not as getrusage's ru_maxrss: that of a child starts with its parent's (proc(5)).
"""

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_EVERY_S = 0.05


def peak_mb(process: int | str = "self") -> float:
    """Return the high-water mark of a process, by its id; 0 where it has ended.

    Raises
    ------
    OSError
        When there is no such process any more.
    """
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


class Programs:
    """Watches the programs that this process runs, between `with` and its end.

    Attributes
    ----------
    peaks_mb : dict
        The high-water mark of each program, by its name. Processes of Python are none: one that
        is about to become a program still has its parent's mark.
    """

    def __init__(self) -> None:
        self.peaks_mb: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Programs":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_EVERY_S):
            for tasks in Path("/proc/self/task").glob("*/children"):
                # Whatever is looked at may end meanwhile.
                with suppress(OSError):
                    for child in tasks.read_text().split():
                        self._look_at(child)

    def _look_at(self, child: str) -> None:
        with suppress(OSError):
            program = Path(f"/proc/{child}/exe").readlink().name.partition("-")[0]
            if not program.startswith("python"):
                self.peaks_mb[program] = max(self.peaks_mb.get(program, 0), peak_mb(child))
