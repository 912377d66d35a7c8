"""What a shell is offered, asked as bash asks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUDY = """\
question: Which?
baseline: small
base: {item: {id: true}}
datasets: {drawn: {dataset: {kind: synthetic}}}
arms: {small: {model.dim: 8}, large: {model.dim: 64}}
"""


def offered(line: str, folder: Path) -> set[str]:
    """The words that end ``line``; argcomplete hands them over in a file where it is told one."""
    answers = folder / "answers"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answers),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    code = "import sys; sys.argv[0] = 'morec'; from studies.run import main; main()"
    subprocess.run([sys.executable, "-c", code], env=os.environ | asked, cwd=folder, check=True)
    return {word.strip() for word in answers.read_text().split("\n")}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("morec fusio", {"fusion", "fusion_paper"}),
        ("morec mi", {"mine.yaml"}),
        ("morec smoke --rep", {"--report", "--reproduce"}),
        ("morec mine.yaml --only ", {"drawn", "small", "large", "drawn/small", "drawn/large"}),
        ("morec --clean che", {"checkpoints"}),
        ("morec nothing --only ", {""}),
    ],
)
def test_the_shell_is_offered(tmp_path: Path, line: str, words: set[str]) -> None:
    (tmp_path / "mine.yaml").write_text(STUDY)
    (tmp_path / "mine.txt").write_text("")
    found = offered(line, tmp_path)
    assert found >= words
    assert not any("txt" in word for word in found)
