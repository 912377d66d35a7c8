"""File systems of their own, small or read-only, where this user may mount some."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[bool]:
    """Mount an empty file system in memory at ``folder``; False where this user may not.

    ``options`` are mount's: ``size=1000000`` or ``ro``.
    """
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    may = shutil.which("mount") is not None
    is_mounted = may and subprocess.run(words, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
