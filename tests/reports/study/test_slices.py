"""Slice tables: means and paired differences per label, labels with few or no users."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from morec.results import pack_ranks
from reports.plots.user_slices import slices
from reports.study.slices import MIN_USERS, SliceTable, slice_tables, users_with
from reports.study.summary import StudySummary, summarise
from reports.write import write_report
from tests.reports.made_up_studies import LABELS, SMALL, FakeStudy
from tests.reports.pages import Page
from tune_space.ledger.records import Ledger

SIZES = (MIN_USERS - 1, MIN_USERS, 0, 91, 150)
STUDY = FakeStudy(slices={"popularity": SIZES, "history": (200, 100)}, searches=0)
SEVERAL = FakeStudy(
    slices={"popularity": SIZES},
    datasets={"MIND": None, "HM": ("TS", "E2E")},
    searches=0,
)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    return summarise(STUDY.write(tmp_path_factory.mktemp("sliced")))


def _popularity(summary: StudySummary) -> SliceTable:
    return slice_tables(summary, "HR@10")[0]


def test_labels_keep_the_recorded_order_with_their_number_of_users(summary: StudySummary) -> None:
    table = _popularity(summary)
    assert [label.name for label in table.labels] == list(LABELS)
    assert [label.num_users for label in table.labels] == list(SIZES)
    assert [label.is_small for label in table.labels] == [True, False, True, False, False]


def test_labels_without_users_are_not_drawn_but_named(
    summary: StudySummary, tmp_path: Path
) -> None:
    table = _popularity(summary)
    assert (table.labels_with_users, table.labels_without_users) == ((0, 1, 3, 4), ("tail",))
    figure = slices(summary, table)
    assert figure is not None
    assert figure["layout"]["xaxis"]["ticktext"] == ["new", "cold", "mid", "head"]
    text = Page(write_report(STUDY.write(tmp_path), ("html",)).read_text(encoding="utf-8")).text
    assert "No test user here: tail." in text
    assert "tail 0 users" not in text


@pytest.mark.parametrize("metric", ["HR@10", "NDCG@10"])
def test_means_agree_with_what_every_trial_recorded_of_its_slices(
    summary: StudySummary, metric: str
) -> None:
    """The trials' ``Evaluation.slices`` are made by a plain loop in ``made_up_studies``."""
    for table in slice_tables(summary, metric):
        for row in table.rows:
            arm = summary.arm(row.arm)
            assert arm is not None
            tests = [result.test for result in arm.tested.values() if result.test]
            for label, cell in zip(table.labels, row.cells, strict=True):
                recorded = [test.slices[table.dimension].get(label.name) for test in tests]
                values = [one.metrics[metric] for one in recorded if one]
                if label.num_users:
                    assert cell.mean == pytest.approx(sum(values) / len(tests))
                else:
                    assert (values, cell.mean) == ([], None)


def test_differences_are_paired_over_the_users_of_the_slice(summary: StudySummary) -> None:
    """Satterthwaite's interval, written out for the users with the last label."""
    hits = {}
    for name in ("ID", "E2E"):
        arm = summary.arm(name)
        assert arm is not None
        ranks = [result.test.ranks for result in arm.tested.values() if result.test]
        hits[name] = np.stack(ranks)[:, -150:] <= 10
    difference_SU = hits["E2E"].astype(float) - hits["ID"]
    v = difference_SU.mean(axis=0).var(ddof=1) / 150
    w = difference_SU.mean(axis=1).var(ddof=1) / 3
    df = (v + w) ** 2 / (v**2 / 149 + w**2 / 2)
    half = stats.t.ppf(0.975, df) * (v + w) ** 0.5

    found = _popularity(summary).rows[2].cells[4].difference

    assert found is not None
    assert found.mean == pytest.approx(difference_SU.mean())
    assert found.high - found.mean == pytest.approx(half)
    assert (found.num_users, found.num_seeds) == (150, 3)


def test_too_few_users_have_a_mean_but_no_difference(summary: StudySummary) -> None:
    small, enough = _popularity(summary).rows[1].cells[:2]
    assert small.mean is not None and small.difference is None
    assert enough.difference is not None


def test_the_baseline_is_not_compared_with_itself(summary: StudySummary) -> None:
    row = _popularity(summary).rows[0]
    assert row.is_baseline
    assert {cell.difference for cell in row.cells} == {None}


def test_only_seeds_finished_in_both_arms_are_paired(tmp_path: Path) -> None:
    study = FakeStudy(
        slices={"history": (150, 150)}, searches=0, statuses={("ID", "final", 0): "failed"}
    )
    (table,) = slice_tables(summarise(study.write(tmp_path)), "HR@10")
    difference = table.rows[1].cells[0].difference
    assert difference is not None and difference.num_seeds == 2


def test_without_a_common_seed_a_label_has_a_mean_but_no_difference(tmp_path: Path) -> None:
    statuses = {("ID", "final", 0): "failed"}
    statuses |= {("TS", "final", index): "failed" for index in (1, 2)}
    study = FakeStudy(slices={"history": (150, 150)}, searches=0, statuses=statuses)
    (table,) = slice_tables(summarise(study.write(tmp_path)), "HR@10")
    cell = table.rows[1].cells[0]
    assert table.rows[1].arm == "TS"
    assert cell.mean is not None and cell.difference is None


def test_every_data_set_has_its_own_tables_and_its_own_baseline(tmp_path: Path) -> None:
    mind, hm = slice_tables(summarise(SEVERAL.write(tmp_path)), "HR@10")
    assert (mind.key, hm.key) == ("MIND", "HM")
    assert [row.arm for row in hm.rows] == ["TS", "E2E"]
    assert mind.rows[1].cells[4].difference is not None
    assert hm.rows[1].cells[4].difference is None


def test_arms_with_other_test_users_are_left_out_by_name(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:2], slices={"history": (150, 150)}, searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    for trial in ledger.read_all().values():
        if trial.test and trial.config.item.text:
            shorter = {"num_users": 299, "packed_ranks": pack_ranks(np.ones(299))}
            test = trial.test.model_copy(update=shorter)
            ledger.write(trial.model_copy(update={"test": test}))
    (table,) = slice_tables(summarise(tmp_path), "HR@10")
    assert ([row.arm for row in table.rows], table.left_out) == (["ID"], ("TS",))


def test_without_slices_or_tested_arms_there_is_no_table(tmp_path: Path) -> None:
    assert slice_tables(summarise(FakeStudy(searches=0).write(tmp_path / "a")), "HR@10") == ()
    untested = FakeStudy(arms=(), slices={"history": (150, 150)})
    assert slice_tables(summarise(untested.write(tmp_path / "b")), "HR@10") == ()


def test_users_with_a_label_are_found_in_any_dimension(summary: StudySummary) -> None:
    found = users_with(summary, "cold")
    assert found is not None
    assert np.flatnonzero(found).tolist() == list(range(SIZES[0], SIZES[0] + SIZES[1]))
    assert users_with(summary, "lukewarm") is None
