"""The accuracy tables as LaTeX: cells, rules, escapes, and that they compile."""

import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from reports.export.latex import accuracy_latex, holds_latex
from reports.formats import QUICK_FORM
from reports.study.accuracy import accuracy_tables
from reports.study.report import read_report
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import FUSION, Arm, FakeStudy, set_references


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    statuses = {("TS", "final", 1): "failed"}
    return summarise(FakeStudy(statuses=statuses).write(tmp_path_factory.mktemp("small")))


def _latex(summary: StudySummary) -> str:
    return accuracy_latex(summary, accuracy_tables(summary))


def test_every_row_of_the_latex_table_has_the_same_number_of_cells(
    small: StudySummary, tmp_path: Path
) -> None:
    fusion = summarise(FakeStudy(arms=FUSION, searches=0, num_users=50).write(tmp_path))
    for summary, columns in ((small, 2 + 3 + 1 + 2), (fusion, 2 + 3)):
        lines = _latex(summary).splitlines()
        body = [line for line in lines if line.endswith(r"\\") and "multicolumn" not in line]
        assert {line.count(" & ") + 1 for line in body} == {columns}


def test_latex_marks_best_runner_up_and_missing_seeds(small: StudySummary) -> None:
    text = _latex(small)
    assert text.count(r"\textbf{") == len(small.metrics) == text.count(r"\underline{")
    assert "% dagger, fewer seeds than wanted: TS 2 of 3" in text
    assert r"$^\dagger$" in text


LATEX = shutil.which("pdflatex") or shutil.which("tectonic")
NO_LATEX = "no pdflatex (Debian's texlive-latex-recommended) and no tectonic; .ci/nightly has one"


@pytest.mark.latex
@pytest.mark.skipif(LATEX is None, reason=NO_LATEX)
def test_latex_compiles_with_booktabs(small: StudySummary, tmp_path: Path) -> None:
    packages = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    source = f"{packages}\n{_latex(small)}\n\\end{{document}}\n"
    (tmp_path / "table.tex").write_text(source, encoding="utf-8")
    quiet = (
        [] if str(LATEX).endswith("tectonic") else ["-interaction=nonstopmode", "-halt-on-error"]
    )
    done = subprocess.run([str(LATEX), *quiet, "table.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    assert (tmp_path / "table.pdf").stat().st_size > 0


def test_latex_has_the_rules_of_booktabs_around_every_tabular(small: StudySummary) -> None:
    text = _latex(small)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    order = [r"\begin{tabular}", r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}"]
    places = [text.index(rule) for rule in order]
    assert places == sorted(places)
    assert text.count("{") == text.count("}")


def test_latex_escapes_names(tmp_path: Path) -> None:
    arms = (Arm("A_1 & 50%", {"id": True}, 1.0, 1.0, "g#{}"),)
    text = _latex(summarise(FakeStudy(arms=arms).write(tmp_path)))
    assert r"A\_1 \& 50\%" in text
    assert r"g\#\{\}" in text


SPECIAL = {
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "[": "{[}",
    "*": "{*}",
}
"""What text-mode LaTeX prints as the character, by LaTeX's own manual."""


@pytest.mark.parametrize(("char", "escaped"), SPECIAL.items())
def test_a_special_character_in_a_name_is_printed_as_itself(
    char: str, escaped: str, tmp_path: Path
) -> None:
    arms = tuple(
        Arm(f"{char}{n}{char}", {"id": True}, 1.0, 1.0, f"g{char}", optim={"lr": 10**-n})
        for n in range(1, 4)
    )
    text = _latex(summarise(FakeStudy(arms=arms, searches=0, num_users=40).write(tmp_path)))
    heads = next(line for line in text.splitlines() if line.startswith("Dataset & Metric"))
    assert heads.split(" & ")[2:5] == [f"{escaped}{n}{escaped}" for n in range(1, 4)]
    assert rf"{{c}}{{g{escaped}}}" in text


def test_no_row_begins_with_what_the_row_before_would_take_as_an_option(tmp_path: Path) -> None:
    arms = tuple(replace(arm, group="[ ]" if n % 2 else "* x") for n, arm in enumerate(FUSION))
    text = _latex(summarise(FakeStudy(arms=arms, searches=0, num_users=40).write(tmp_path)))
    assert "\n{[} {]" not in text
    assert any(line.startswith("{[} ] & ") for line in text.splitlines())
    assert any(line.startswith("{*} x & ") for line in text.splitlines())
    assert not any(line.startswith(("[", "*")) for line in text.splitlines())


def test_a_line_break_in_a_name_breaks_neither_row_nor_comment(tmp_path: Path) -> None:
    arms = (Arm("A\n\nB\rC", {"id": True}, 1.0, 1.0), *FUSION[1:3])
    statuses = {("A\n\nB\rC", "final", 1): "failed"}
    study = FakeStudy(arms=arms, searches=0, num_users=40, statuses=statuses)
    text = _latex(summarise(study.write(tmp_path)))
    assert "Dataset & Metric & A B C & " in text
    assert "% dagger, fewer seeds than wanted: A B C 2 of 3\n" in text


def test_data_sets_share_the_columns_and_gaps_are_dashes(tmp_path: Path) -> None:
    study = FakeStudy(datasets={"MIND": None, "HM": ("ID", "TS")}, searches=0)
    lines = _latex(summarise(study.write(tmp_path))).splitlines()
    first = [line.split(" & ")[0] for line in lines if " & " in line and "multicolumn" not in line]
    assert first == ["Dataset", "MIND", "", "HM", ""]
    assert lines[-4].split(" & ")[4] == "---"
    assert lines.count(r"\midrule") == 2


def test_with_arms_as_rows_the_data_sets_are_above_the_columns(tmp_path: Path) -> None:
    arms = tuple(replace(arm, name=f"a long name: {arm.name}") for arm in FUSION[:9])
    study = FakeStudy(arms=arms, datasets={"MIND": None, "HM": None}, searches=0, num_users=40)
    text = _latex(summarise(study.write(tmp_path)))
    spans = r"\multicolumn{2}{c}{} & \multicolumn{2}{c}{MIND} & \multicolumn{2}{c}{HM} \\"
    assert f"{spans}\n\\cmidrule(lr){{3-4}} \\cmidrule(lr){{5-6}}\n" in text
    assert "reference & popularity & " in text
    body = [line for line in text.splitlines() if " & " in line and "multicolumn" not in line]
    assert {line.count(" & ") + 1 for line in body} == {2 + 4}


def test_a_groups_own_improvement_is_a_column(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "TS"}]
    study = FakeStudy(searches=0, overrides={"contrasts": named})
    text = _latex(summarise(study.write(tmp_path)))
    assert r"\multicolumn{3}{c}{MoRec}" in text
    assert r"Dataset & Metric & ID & TS & E2E & Improv. & Improv. & popularity" in text


def test_the_quick_form_says_so_above_every_table(tmp_path: Path) -> None:
    study = FakeStudy(searches=0, overrides={"profile": "quick"})
    assert f"% {QUICK_FORM}" in _latex(summarise(study.write(tmp_path))).splitlines()


@pytest.mark.parametrize("arms", [FUSION[:3], FUSION[:9]])
def test_a_study_without_references_has_no_cells_for_them(
    arms: tuple[Arm, ...], tmp_path: Path
) -> None:
    folder = FakeStudy(arms=arms, searches=0, num_users=40).write(tmp_path)
    set_references(folder, ())
    lines = _latex(summarise(folder)).splitlines()
    assert not any("reference" in line or "{0}" in line for line in lines)
    assert not any(pair == (r"\midrule", r"\midrule") for pair in pairwise(lines))


def test_conditions_are_a_table_with_sentence_and_family_above_it(tmp_path: Path) -> None:
    conditions = {"published": {}, "50% & more": {"ID": 0.6}}
    named = {"contrasts": [{"better": "TS", "than": "ID"}]}
    given = {"conditions": conditions, "searches": 0, "overrides": named, "num_users": 60}
    study = FakeStudy(**given)  # type: ignore[arg-type]
    report = read_report(study.write(tmp_path / "one"))
    lines = holds_latex(report.held).splitlines()
    assert lines[0].startswith("% TS ") and lines[1].startswith("% Holm")
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == 1 + 2 and {line.count(" & ") for line in rows} == {6}
    assert rows[2].startswith(r"50\% \& more & HR@10 & ")
    several = replace(study, datasets={"MIND": None, "HM": None})
    wide = holds_latex(read_report(several.write(tmp_path / "two")).held).splitlines()
    rows = [line for line in wide if line.endswith(r"\\")]
    assert len(rows) == 1 + 4 and {line.count(" & ") for line in rows} == {7}
