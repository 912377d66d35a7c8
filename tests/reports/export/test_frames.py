"""A study in a notebook: numbers and figures as on the page, and neither Ray nor torch needed."""

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from morec.errors import DataError
from reports.export.frames import StudyFrames, load_study
from reports.page.colours import light_theme
from reports.page.render import render
from reports.study.caveats import caveats
from reports.study.report import read_report
from reports.study.summary import StudySummary, summarise
from reports.study.verdict import headline
from tests.reports.made_up_studies import CONDITIONS, FakeStudy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    statuses = {("TS", "final", 1): "failed"}
    shares = {"optim.lr": 0.75, "model.dropout": 0.25}
    study = FakeStudy(statuses=statuses, slices={"history": (150, 150)}, importance=shares)
    return study.write(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def frames(folder: Path) -> StudyFrames:
    return load_study(folder)


@pytest.fixture(scope="module")
def summary(folder: Path) -> StudySummary:
    return summarise(folder)


def test_means_pivot_into_the_accuracy_table(frames: StudyFrames, summary: StudySummary) -> None:
    table = frames.arms.pivot(index="arm", columns="metric", values="mean")
    for arm in summary.arms:
        assert table.loc[arm.label, "HR@10"] == arm.mean("HR@10")
    assert table.loc["chance", "HR@10"] == 10 / 400


def test_epochs_group_into_learning_curves(frames: StudyFrames, summary: StudySummary) -> None:
    own = frames.epochs[frames.epochs.trial_id == summary.trials[0].trial_id]
    result = summary.trials[0].result
    assert result is not None
    assert own["valid NDCG@10"].tolist() == [epoch.valid["NDCG@10"] for epoch in result.epochs]
    assert own.epoch.tolist() == list(range(1, len(result.epochs) + 1))


def test_a_failed_trial_has_its_error_and_no_metrics(frames: StudyFrames) -> None:
    (failed,) = frames.trials.query("status == 'failed'").itertuples()
    assert failed.error.endswith("TrialError: made to fail")
    assert frames.trials.query("status == 'failed'")["test HR@10"].isna().all()


def test_contrasts_and_slices_have_numbers(frames: StudyFrames) -> None:
    assert set(frames.contrasts.kind) == {"exploratory", "reference"}
    assert (frames.contrasts.low <= frames.contrasts.high).all()
    assert set(frames.slices.label) == {"new", "cold"}


def test_data_have_a_value_per_measure(frames: StudyFrames) -> None:
    values = frames.data.set_index("measure")["value"]
    assert values["top_tenth"] == 0.52
    assert values["interactions per item 95%"] == 70


def test_every_figure_of_the_page_can_be_plotted_from_the_same_data(
    frames: StudyFrames, folder: Path
) -> None:
    page = render(read_report(folder), {})
    shown = {
        unescape(name): json.loads(data)
        for name, data in re.findall(
            r'<figure data-name="([^"]*)".*?<script type="application/json">(.*?)</script>',
            page,
            re.DOTALL,
        )
    }
    assert list(frames.figures) == list(shown)
    assert {"forest HR@10", "curves NDCG@10", "slice plot optim.lr", "data time"} <= set(shown)
    for name, figure in shown.items():
        drawn = frames.plot(name).to_plotly_json()
        assert [mark["type"] for mark in drawn["data"]] == [one["type"] for one in figure["data"]]
        assert drawn["layout"]["height"] == figure["layout"]["height"]
        assert frames.figures[name] in unescape(page)
    curve = shown["curves HR@10"]["data"][-1]
    drawn = frames.plot("curves HR@10").data[-1]
    assert list(drawn.y) == curve["y"]


def test_a_figure_has_the_colours_of_the_page(frames: StudyFrames) -> None:
    figure = frames.plot("curves HR@10")
    assert figure.layout.paper_bgcolor == light_theme()["page"]
    assert "@" not in re.sub(r"\w@\d+", "", figure.to_json())


def test_a_figure_that_is_not_there_is_answered_with_the_nearest_and_all(
    frames: StudyFrames,
) -> None:
    with pytest.raises(ValueError, match="no figure 'forest HR'") as caught:
        frames.plot("forest HR")
    assert "Did you mean 'forest HR@10'? Figures of this study: " in str(caught.value)
    assert str(caught.value).endswith(", ".join(frames.figures))


def test_the_verdict_is_that_of_the_page_with_what_restricts_it(
    frames: StudyFrames, summary: StudySummary
) -> None:
    lines = frames.verdict().splitlines()
    said = headline(summary, frames.report.contrasts)
    assert said
    assert set(said) <= set(lines)
    assert lines[0].startswith("Synthetic data: ")
    assert any(line.startswith("Not complete. ") and "failed" in line for line in lines)
    assert [line for line in lines if line.startswith("- ")] == [
        f"- {line}" for line in caveats(summary, frames.report.contrasts)
    ]


def test_importance_pivots_into_a_row_per_arm(frames: StudyFrames) -> None:
    table = frames.importance.pivot(index="arm", columns="path", values="share")
    assert table.loc["TS"].to_dict() == {"optim.lr": 0.75, "model.dropout": 0.25}


def test_a_study_without_slices_has_an_empty_frame_with_the_same_columns(
    tmp_path: Path, frames: StudyFrames
) -> None:
    plain = load_study(str(FakeStudy(searches=0).write(tmp_path)))
    assert plain.slices.empty
    assert list(plain.slices.columns) == list(frames.slices.columns)


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no study has run here"):
        load_study(tmp_path)


def test_reporting_imports_neither_ray_nor_torch_nor_optuna() -> None:
    code = (
        "import sys, reports.__main__, reports.export.frames\n"
        "print([name for name in ('ray', 'torch', 'optuna') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_frame_of_a_place_names_its_condition(tmp_path: Path) -> None:
    study = FakeStudy(conditions=CONDITIONS, searches=1, slices={"history": (150, 150)})
    found = load_study(study.write(tmp_path))
    frames = (found.trials, found.epochs, found.arms, found.contrasts, found.holds, found.slices)
    for frame in (*frames, found.cost, found.data):
        assert list(dict.fromkeys(frame.condition)) == list(CONDITIONS)
    assert found.holds.counts.sum() == 2 + 2 + 2
    own = found.contrasts.query("metric == 'HR@10' and kind == 'exploratory'")
    merged = own.merge(found.holds, on=["condition", "better"], suffixes=("", "_held"))
    assert (merged.difference == merged.difference_held).all() and len(merged) == 6


def test_without_conditions_the_column_is_empty(frames: StudyFrames) -> None:
    assert set(frames.arms.condition) == set(frames.contrasts.condition) == {""}
    assert frames.holds.empty
