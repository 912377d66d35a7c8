"""CPUs, disk and memory of this machine."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

CONTROL_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
"""Limit and use of memory in a container, version 2 and 1."""
CPU_QUOTAS = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
"""Quota and period of processor time in a container, version 2 and 1."""


def num_cpus() -> int:
    """CPUs of this machine; in a container at most its limit, as Ray counts them."""
    quotas = [quota // period for quota, period in _read_pairs(CPU_QUOTAS) if quota > 0]
    return max(1, min([os.cpu_count() or 1, *quotas]))


def _read_pairs(places: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
    """The two numbers in the files of each place; none where there is no file, or no limit."""
    for files in places:
        # A number without a limit is "max".
        with suppress(OSError, ValueError):
            first, second = map(int, " ".join(Path(file).read_text() for file in files).split())
            yield first, second


def free_disk(folder: Path) -> int:
    """Bytes free on the file system where ``folder`` is, or would be made."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """``folder``, or the nearest folder above it that exists."""
    path = folder.absolute()
    return next(each for each in (path, *path.parents) if each.exists())


def total_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def available_memory() -> int:
    """Bytes that processes can take without swapping; in a container also within its limit."""
    left = [max(0, limit - used) for limit, used in _read_pairs(CONTROL_GROUPS)]
    return min([int(psutil.virtual_memory().available), *left])


def format_bytes(num_bytes: int) -> str:
    """Bytes with three digits and the largest unit that fits, decimal: ``1.23 GB``."""
    size, unit = float(num_bytes), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"
