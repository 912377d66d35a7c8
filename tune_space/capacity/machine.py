"""How much disk and memory there is."""

import os
import shutil
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


def free_disk(folder: Path) -> int:
    """Bytes free where ``folder`` is, or would be made."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """``folder``, or the nearest folder above it that is there."""
    path = folder.absolute()
    return next(each for each in (path, *path.parents) if each.exists())


def total_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def available_memory() -> int:
    """Bytes that processes can still take without swapping.

    In a container with a limit, at most what is left of that.
    """
    found = [left for limit, used in CONTROL_GROUPS if (left := _left(limit, used)) is not None]
    return min([int(psutil.virtual_memory().available), *found])


def _left(limit: str, used: str) -> int | None:
    try:
        most, now = int(Path(limit).read_text()), int(Path(used).read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None
    return max(0, most - now)


def format_bytes(num_bytes: int) -> str:
    """Bytes with three digits and the fitting unit, of a thousand each: ``1.23 GB``."""
    size, unit = float(num_bytes), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"
