"""The paper's tables 2 to 9 as the project's own study files lay them out, with made-up numbers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.export.latex import accuracy_latex
from reports.formats import NOT_AVAILABLE
from reports.study.accuracy import AccuracyTable
from reports.study.published import published_rows
from reports.study.report import Report, read_report
from reports.write import page_text
from tests.reports.export.test_latex import LATEX, NO_LATEX
from tests.reports.study_shapes import STUDIES, shape_of


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    root = tmp_path_factory.mktemp("shapes")
    return {path.stem: read_report(shape_of(path).write(root / path.stem)) for path in STUDIES}


def _heads(table: AccuracyTable) -> list[tuple[str, tuple[str, ...], bool]]:
    """Each heading with the columns below it, and whether it has an "Improv." of its own."""
    return [(g.heading, tuple(row.heading for row in g.rows), bool(g.gains)) for g in table.groups]


def test_table_2_has_each_backbone_s_arms_together(reports: dict[str, Report]) -> None:
    mind, others = reports["regular"].accuracies
    assert list(mind.datasets) == ["MIND"] and list(others.datasets) == ["HM", "Bili"]
    assert _heads(mind) == [
        ("DSSM", ("ID", "BERT-base", "RoBERTa-base"), True),
        ("SASRec", ("ID", "BERT-small", "BERT-base", "RoBERTa-base"), True),
    ]
    assert _heads(others) == [
        ("DSSM", ("ID", "ResNet50", "Swin-T"), True),
        ("SASRec", ("ID", "ResNet50", "Swin-T", "Swin-B"), True),
    ]


def test_table_3_has_a_row_for_every_warm_n(reports: dict[str, Report]) -> None:
    (table,) = reports["warm"].accuracies
    wanted = [f"{name} Warm-{n}" for name in ("MIND", "HM", "Bili") for n in (20, 50, 200)]
    assert list(table.datasets) == wanted
    assert _heads(table) == [("", ("ID", "BERT-base", "Swin-T"), False)]


def test_table_5_has_a_row_for_every_depth_between_ts_and_e2e(reports: dict[str, Report]) -> None:
    depths = ("TS", *(f"TS-DNN-{n}" for n in (2, 6, 8, 10, 12)), "E2E")
    mind, others = reports["two_stage"].accuracies
    assert _heads(mind) == [("", ("ID",), False), ("BERT-base", depths, False)]
    assert _heads(others) == [
        ("", ("ID",), False),
        ("ResNet50", depths, False),
        ("Swin-T", depths, False),
    ]
    assert (mind.has_arms_as_rows, others.has_arms_as_rows) == (False, True)


def test_table_7_has_the_fusions_without_and_with_layers_side_by_side(
    reports: dict[str, Report],
) -> None:
    for table, encoder in zip(
        reports["fusion_paper"].accuracies, ("BERT-base", "Swin-T"), strict=True
    ):
        heads = [heading for heading, _, _ in _heads(table) if heading]
        pairs = [(f"{encoder} ID+{ts} w/o", f"{encoder} ID+{ts} w/") for ts in ("TS", "TS-DNN")]
        assert heads == [*pairs[0], *pairs[1], f"{encoder} ID+E2E w/o"]
        assert all(columns == ("ADD", "CON") for heading, columns, _ in _heads(table) if heading)


def test_table_8_has_without_with_and_improvement_of_each_way_to_train(
    reports: dict[str, Report],
) -> None:
    for table, name in zip(
        reports["second_round"].accuracies, ("BERT-base", "MAE-base"), strict=True
    ):
        assert _heads(table) == [
            ("", ("ID",), False),
            (f"{name} TS", ("w/o", "w/"), True),
            (f"{name} E2E", ("w/o", "w/"), True),
        ]


def test_every_published_number_has_ours_in_its_row(reports: dict[str, Report]) -> None:
    """Except on cold and new items: the made-up studies have no slices of users."""
    for name, report in reports.items():
        expected = report.summary.manifest.study.expected
        rows = published_rows(report.summary)
        assert len(rows) == sum(map(len, expected.values()))
        known = [row for row in rows if row.metric in report.summary.metrics]
        assert all(row.ours != NOT_AVAILABLE for row in known)
        assert all(row.judgement.startswith(("within", "off by")) for row in known)
        assert known or name not in ("regular", "warm", "two_stage", "fusion_paper", "second_round")


def test_a_long_verdict_folds_its_numbers_away_and_a_short_one_does_not(
    reports: dict[str, Report],
) -> None:
    folded = "The numbers of each data set"
    found = {name: folded in page_text(reports[name]) for name in ("encoders", "cold", "smoke")}
    assert found == {"encoders": True, "cold": False, "smoke": False}


def _document(reports: dict[str, Report]) -> Iterator[str]:
    yield r"\documentclass[landscape]{article}\usepackage[margin=5mm]{geometry}"
    yield r"\usepackage{booktabs}\begin{document}\tiny"
    for report in reports.values():
        yield accuracy_latex(report.summary, report.accuracies)
        yield r"\clearpage"
    yield r"\end{document}"


@pytest.mark.latex
@pytest.mark.skipif(LATEX is None, reason=NO_LATEX)
def test_the_tables_of_every_study_compile_with_booktabs(
    reports: dict[str, Report], tmp_path: Path
) -> None:
    (tmp_path / "tables.tex").write_text("\n".join(_document(reports)), encoding="utf-8")
    quiet = (
        [] if str(LATEX).endswith("tectonic") else ["-interaction=nonstopmode", "-halt-on-error"]
    )
    done = subprocess.run([str(LATEX), *quiet, "tables.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-3000:]
    assert (tmp_path / "tables.pdf").stat().st_size > 0
