"""A process that makes no progress is ended and says where it stood; any other is left alone."""

import subprocess
import sys
from pathlib import Path

from morec.watchdog import NOTE, hang_note, watch

SCRIPT = """
import sys, time
from pathlib import Path
from morec.watchdog import watch
with watch(float(sys.argv[1]), Path(sys.argv[2])) as watchdog:
    for _ in range(int(sys.argv[3])):
        time.sleep(0.2)
        watchdog.reset()
    if sys.argv[4] == "hang":
        hash("x" * 10**6)
        (10**8) ** (10**8)  # Never gives up Python's lock.
"""


def play(folder: Path, minutes: float, epochs: int, end: str) -> int:
    words = [sys.executable, "-c", SCRIPT, str(minutes), str(folder), str(epochs), end]
    root = Path(__file__).parents[2]
    return subprocess.run(words, cwd=root, timeout=120, check=False).returncode


def test_a_hang_that_holds_pythons_lock_is_ended_and_says_where(tmp_path) -> None:
    assert play(tmp_path, 0.03, 1, "hang") == 1
    text = hang_note(tmp_path)
    assert text is not None
    assert text.startswith("Timeout (0:00:01")
    assert 'File "<string>", line 11 in <module>' in text
    assert hang_note(tmp_path) is None


def test_epochs_set_the_clock_back_and_an_end_leaves_no_note(tmp_path) -> None:
    assert play(tmp_path, 0.04, 15, "end") == 0
    assert not (tmp_path / NOTE).exists()
    assert hang_note(tmp_path) is None


def test_without_a_limit_there_is_no_clock(tmp_path) -> None:
    with watch(None, tmp_path) as watchdog:
        assert watchdog is None
    assert list(tmp_path.iterdir()) == []
