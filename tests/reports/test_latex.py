from pathlib import Path

import pytest

from reports.accuracy import accuracy_tables
from reports.latex import accuracy_latex
from reports.summary import StudySummary, summarise
from tests.reports.made_up_studies import FUSION, Arm, FakeStudy


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    statuses = {("TS", "final", 1): "failed"}
    return summarise(FakeStudy(statuses=statuses).write(tmp_path_factory.mktemp("small")))


def _latex(summary: StudySummary) -> str:
    return accuracy_latex(summary, accuracy_tables(summary))


def test_latex_has_as_many_cells_in_every_line(small: StudySummary, tmp_path: Path) -> None:
    fusion = summarise(FakeStudy(arms=FUSION, searches=0, num_users=50).write(tmp_path))
    for summary, columns in ((small, 2 + 3 + 1 + 2), (fusion, 2 + 2)):
        lines = _latex(summary).splitlines()
        body = [line for line in lines if line.endswith(r"\\") and "multicolumn" not in line]
        assert {line.count(" & ") + 1 for line in body} == {columns}


def test_latex_marks_best_runner_up_and_missing_seeds(small: StudySummary) -> None:
    text = _latex(small)
    assert text.count(r"\textbf{") == len(small.metrics) == text.count(r"\underline{")
    assert "% dagger, fewer seeds than wanted: TS 2 of 3" in text
    assert r"$^\dagger$" in text


def test_latex_escapes_names(tmp_path: Path) -> None:
    arms = (Arm("A_1 & 50%", {"id": True}, 1.0, 1.0, "g#{}"),)
    text = _latex(summarise(FakeStudy(arms=arms).write(tmp_path)))
    assert r"A\_1 \& 50\%" in text
    assert r"g\#\{\}" in text
