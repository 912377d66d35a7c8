"""What a trial printed outlives its process, and goes where it belongs when it ends well."""

import os
import subprocess
import sys
from pathlib import Path

from morec.trial_log import MAX_BYTES, MAX_LINES, log_tail, logged

SCRIPT = """
import os, sys
from pathlib import Path
from morec.trial_log import logged
with logged(Path(sys.argv[1]), int(sys.argv[2])):
    print("of Python")
    print("an error", file=sys.stderr)
    sys.stdout.flush()
    os.write(2, b"of C\\n")
    if sys.argv[3] == "die":
        os._exit(7)
print("afterwards")
"""


def play(folder: Path, end: str, rank: int = 0) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-uc", SCRIPT, str(folder), str(rank), end]
    root = Path(__file__).parents[2]
    return subprocess.run(words, cwd=root, timeout=120, check=False, text=True, capture_output=True)


def test_a_process_that_dies_leaves_its_last_words(tmp_path) -> None:
    done = play(tmp_path, "die")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    assert log_tail(tmp_path) == "of Python\nan error\nof C"


def test_a_process_that_ends_well_has_said_everything_and_speaks_on(tmp_path) -> None:
    done = play(tmp_path, "end")
    assert (done.stdout, done.stderr) == ("afterwards\n", "of Python\nan error\nof C\n")


def test_the_words_of_all_workers_are_kept_and_only_the_last_of_many(tmp_path) -> None:
    with logged(tmp_path):
        os.write(1, "\n".join(map(str, range(1000))).encode())
    assert log_tail(tmp_path) == "\n".join(map(str, range(1000 - MAX_LINES, 1000)))
    (tmp_path / "log1.txt").write_text("x" * 10**6)
    assert log_tail(tmp_path).endswith("\n999\n" + "x" * MAX_BYTES)


def test_nothing_printed_is_no_tail(tmp_path) -> None:
    with logged(tmp_path):
        pass
    assert log_tail(tmp_path) is None
    assert log_tail(tmp_path / "never there") is None
