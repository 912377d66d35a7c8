"""A change of a tiny module is noticed, is not, ends the process or never ends."""

from pathlib import Path

import pytest

from tests.mutation import judged, known
from tests.mutation.judged import Judged, judge, share_caught, table
from tests.mutation.known import Known
from tests.mutation.mutants import Mutant, mutants_of

SOURCE = """\
import os


def larger(a, b):
    return a if a > b else b


def count(n):
    while n > 0:
        n -= 1
    os.getpid() or os.abort()
    return n
"""
TESTS = """\
import os
import subprocess
import sys

from tiny_changed_module import count, larger


def test_larger():
    assert larger(1, 2) == 2


def test_count():
    assert count(3) == 0


def test_a_process_below():
    code = "import tiny_changed_module as m; assert m.count(2) == 0"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})


def test_that_always_fails():
    assert False
"""


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Mutant]:
    """Every mutant of the tiny module by its change; its test file is the only mirrored one."""
    (tmp_path / "tiny_changed_module.py").write_text(SOURCE)
    (tmp_path / "test_tiny.py").write_text(TESTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(judged, "mirrored_tests", lambda module: [Path("test_tiny.py")])
    monkeypatch.setattr(known, "SPARE_S", 1.0)
    made = mutants_of(SOURCE, "tiny_changed_module.py")
    return {one.change: one for one in made}


@pytest.mark.parametrize(
    ("change", "status", "by"),
    [
        ("a if a > b else b => b if a > b else a", "caught", "test_tiny.py::test_larger"),
        ("a > b => a >= b", "survived", "test_tiny.py"),
        ("n -= 1 => pass", "timed out", "test_tiny.py::test_count"),
        ("os.getpid() or os.abort() => os.getpid() and os.abort()", "caught",
         "test_tiny.py::test_count"),
    ],
)  # fmt: skip
def test_what_the_tests_say_of_a_change(
    found: dict[str, Mutant], tmp_path: Path, change: str, status: str, by: str
) -> None:
    """The test that always fails says nothing."""
    said = judge("tiny", found[change], Known(tmp_path / "known.json"))
    assert (said.status, said.by) == (status, by)


def test_processes_that_a_test_starts_have_the_change_too(
    found: dict[str, Mutant], tmp_path: Path
) -> None:
    asked = Known(tmp_path / "known.json")
    outcome = asked.ask("test_tiny.py::test_a_process_below", found["return n => return None"])
    assert outcome.answer["passed"] is False
    assert asked.passes("test_tiny.py::test_a_process_below")


def test_seconds_and_imports_are_kept_for_the_next_run(
    found: dict[str, Mutant], tmp_path: Path
) -> None:
    first = Known(tmp_path / "kept" / "known.json")
    assert first.passes("test_tiny.py::test_larger")
    first.keep()
    again = Known(tmp_path / "kept" / "known.json")
    assert again.seconds.keys() == {"test_tiny.py::test_larger"}
    assert "pytest" in again.imported
    assert not any(name.startswith(("morec", "tests")) for name in again.imported)


def test_the_table_counts_by_group_and_leaves_equivalent_changes_out_of_the_share() -> None:
    one = Mutant("m.py", "f", 1, "a => b", "a", "b", "b")
    statuses = ["caught", "caught", "timed out", "survived", "equivalent"]
    many = [Judged("x", one, status, "") for status in statuses]
    assert share_caught(many) == 3 / 4
    lines = table([*many, Judged("y", one, "caught", "")]).splitlines()
    assert lines[1].split() == ["x", "5", "2", "1", "1", "1", "75.0%"]
    assert lines[-1].split() == ["all", "6", "3", "1", "1", "1", "80.0%"]
