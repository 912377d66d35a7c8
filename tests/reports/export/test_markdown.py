"""The report as Markdown: well-formed tables, bold best arm, escaped names."""

from pathlib import Path

from morec.metrics import GAINS
from reports.export.markdown import markdown_text
from reports.study.holds_words import holds_sentences
from reports.study.report import Report
from reports.study.summary import summarise
from tests.reports.made_up_studies import CONDITIONS, SMALL, Arm, FakeStudy


def _markdown(study: FakeStudy, folder: Path) -> str:
    return markdown_text(Report(summarise(study.write(folder))))


def _tables(text: str) -> list[list[str]]:
    """Blocks of neighbouring lines that begin with a bar."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def test_every_table_has_as_many_cells_in_each_row(tmp_path: Path) -> None:
    datasets = {"MIND": None, "HM": ("ID", "TS")}
    tables = _tables(_markdown(FakeStudy(datasets=datasets, searches=0), tmp_path))
    assert len(tables) >= 4
    for table in tables:
        assert len({line.count(" | ") for line in table}) == 1


def test_the_best_arm_is_bold_with_its_deviation(tmp_path: Path) -> None:
    text = _markdown(FakeStudy(searches=0), tmp_path)
    summary = summarise(tmp_path)
    best = summary.ranked("HR@10")[0]
    mean, sd = best.mean("HR@10"), best.sd("HR@10")
    assert mean is not None and sd is not None
    assert f"**{100 * mean:.2f} ± {100 * sd:.2f}**" in text


def test_the_warning_of_synthetic_data_comes_first_then_the_verdict_then_the_tables(
    tmp_path: Path,
) -> None:
    overrides = {"contrasts": [{"better": "E2E", "than": "ID"}]}
    text = _markdown(FakeStudy(overrides=overrides), tmp_path)
    order = ["> Synthetic data.", "**E2E beats ID by", "## Accuracy", "## Significance", "## Cost"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_data_are_a_short_table_with_or_without_a_profile(tmp_path: Path) -> None:
    *_, line = _tables(_markdown(FakeStudy(searches=0), tmp_path / "new"))[-1]
    assert line == (
        "| synthetic | 300 | 400 | 4,800 | 14 | 4 | 4.76% | 12.5% | 3.1% | 2.0% | 11.0% |"
    )
    *_, line = _tables(_markdown(FakeStudy(searches=0, profile=None), tmp_path / "old"))[-1]
    assert line == f"| synthetic | 300 | 400 | 4,800{' | n/a' * 7} |"


def test_names_with_markup_are_escaped(tmp_path: Path) -> None:
    arms = (Arm("a|b <script>*", {"id": True}, 1.0, 1.0), *SMALL[1:])
    text = _markdown(FakeStudy(arms=arms, searches=0), tmp_path)
    assert r"a\|b &lt;script&gt;\*" in text
    assert "<script>" not in text


def test_an_empty_study_says_so(tmp_path: Path) -> None:
    assert "**No arm yet.**" in _markdown(FakeStudy(arms=()), tmp_path)


def test_conditions_have_sentences_and_a_table_and_the_others_are_folded(tmp_path: Path) -> None:
    named = {"contrasts": [{"better": "TS", "than": "ID"}]}
    study = FakeStudy(conditions=CONDITIONS, searches=0, overrides=named)
    text = _markdown(study, tmp_path)
    report = Report(summarise(tmp_path))
    (sentence,) = holds_sentences(report.held)
    assert (
        text.index("## Does it hold?") < text.index(f"**{sentence}**") < text.index("## Accuracy")
    )
    assert text.count("<details>") == text.count("</details>") == 2 * (2 + len(GAINS))
    assert "<details><summary>published" not in text
    for table in _tables(text):
        assert len({line.count(" | ") for line in table}) == 1
    assert sum(table[0].startswith("| Condition") for table in _tables(text)) == 3
