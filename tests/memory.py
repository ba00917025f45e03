"""How much memory a process ever had, read as VmHWM.

Not as getrusage's ru_maxrss: that of a child starts with its parent's (proc(5)), and neither
can be set back, so that what an earlier test took would count.
"""

from pathlib import Path


def forget_peak() -> int:
    """Set this process's high-water mark to what it has now; return that, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def peak_bytes() -> int:
    """Return this process's high-water mark, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
