"""Costs of arms and of the whole study, from the costs that trials recorded."""

from pathlib import Path
from statistics import mean, stdev

import pytest

from morec.results import PACKAGE_COUNTER
from reports.study.costs import arm_costs, study_cost
from reports.study.progress import unfinished
from reports.study.summary import summarise
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
from tests.reports.pages import Page
from tune_space.ledger.records import Ledger


def test_time_per_epoch_is_the_mean_over_final_trials(tmp_path: Path) -> None:
    summary = summarise(FakeStudy().write(tmp_path))
    epochs = [r.cost.epoch_s for r in summary.arms[0].tested.values() if r.cost and r.cost.epoch_s]
    (found,) = [cost for cost in arm_costs(summary) if cost.arm == "ID"]
    assert found.epoch_s == pytest.approx(mean(epochs))
    assert found.epoch_s_sd == pytest.approx(stdev(epochs))
    assert not found.is_from_search


def test_costs_are_of_search_trials_before_the_first_final_one(tmp_path: Path) -> None:
    statuses = {("ID", "final", index): "not asked" for index in range(3)}
    study = FakeStudy(arms=SMALL[:1], statuses=statuses, state="running")
    (found,) = arm_costs(summarise(study.write(tmp_path)))
    assert (found.is_from_search, found.num_trials) == (True, 4)


def test_arms_without_a_completed_trial_have_no_cost(tmp_path: Path) -> None:
    statuses = {("TS", "final", index): "failed" for index in range(3)}
    study = FakeStudy(arms=SMALL[:2], searches=0, statuses=statuses)
    assert [cost.arm for cost in arm_costs(summarise(study.write(tmp_path)))] == ["ID"]


def test_an_unmeasured_cost_stays_unknown(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1], seeds=(1,), searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    (result,) = ledger.read_all().values()
    assert result.cost is not None
    unknown = {"epoch_s": None, "peak_memory_bytes": None, "forward_macs_run": None}
    ledger.write(result.model_copy(update={"cost": result.cost.model_copy(update=unknown)}))
    (found,) = arm_costs(summarise(tmp_path))
    assert (found.epoch_s, found.peak_memory_bytes, found.forward_macs_run) == (None, None, None)


def test_study_cost_counts_every_trial_and_the_seconds_that_were_lost(tmp_path: Path) -> None:
    statuses = {("TS", "search", 0): "pruned", ("ID", "final", 0): "failed"}
    summary = summarise(FakeStudy(statuses=statuses).write(tmp_path))
    seconds = {(t.trial_id, t.role, t.status): t.seconds or 0 for t in summary.trials}
    found = study_cost(summary)
    assert found.trials_s == pytest.approx(sum(seconds.values()))
    assert found.search_s == pytest.approx(
        sum(s for (_, r, _), s in seconds.items() if r == "search")
    )
    lost = sum(s for (_, _, status), s in seconds.items() if status in ("pruned", "failed"))
    assert found.wasted_s == pytest.approx(lost)
    assert found.preparation_s == 48.2
    assert found.num_untimed == 0


def test_costs_have_a_row_per_data_set_and_arm_with_trainable_and_total_parameters(
    tmp_path: Path,
) -> None:
    """A low-rank adapter trains only a small part of its parameters."""
    study = FakeStudy(datasets={"MIND": None, "HM": ("ID", "TS")}, searches=2)
    costs = arm_costs(summarise(study.write(tmp_path)))
    assert [(one.dataset, one.arm) for one in costs] == [
        ("MIND", "ID"),
        ("MIND", "TS"),
        ("MIND", "E2E"),
        ("HM", "ID"),
        ("HM", "TS"),
    ]
    assert (costs[1].params_total, costs[1].params_trainable) == (24_300_000, 1_600_000)
    assert all(one.num_searches == 2 and one.search_s for one in costs)


def test_energy_is_shown_per_trial_and_for_the_study_only_where_recorded(tmp_path: Path) -> None:
    study = FakeStudy(energy_j=7_200.0, overrides={"resources": {"gpus": 0.5}})
    summary = summarise(study.write(tmp_path / "gpu"))
    assert {one.energy_j for one in arm_costs(summary)} == {7_200.0}
    assert study_cost(summary).energy_j == 7_200.0 * len(summary.trials)
    text = Page(write_report(tmp_path / "gpu", ("html",)).read_text(encoding="utf-8")).text
    assert "2.00 Wh" in text and "The GPUs took about 42.0 Wh for the trials" in text
    assert "trials of this study shared a GPU, and each counts all of it" in text
    without = summarise(FakeStudy().write(tmp_path / "cpu"))
    assert {one.energy_j for one in arm_costs(without)} == {None}
    assert study_cost(without).energy_j is None
    text = Page(write_report(tmp_path / "cpu", ("html",)).read_text(encoding="utf-8")).text
    assert "The GPUs took" not in text and "shared a GPU" not in text


def test_energy_of_cpu_packages_is_named_and_never_summed(tmp_path: Path) -> None:
    FakeStudy(energy_j=7_200.0, searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    for number, record in enumerate(ledger.read_all().values()):
        unknown = {"energy_j": None, "energy_missing": "made up <reason>"} if number == 0 else {}
        update = {"energy_counter": PACKAGE_COUNTER, **unknown}
        assert record.cost is not None
        ledger.write(record.model_copy(update={"cost": record.cost.model_copy(update=update)}))
    summary = summarise(tmp_path)
    assert {one.energy_j for one in arm_costs(summary)} == {7_200.0}
    assert {one.energy_counters for one in arm_costs(summary)} == {(PACKAGE_COUNTER,)}
    assert study_cost(summary).energy_j is None
    text = Page(write_report(tmp_path).read_text(encoding="utf-8")).text
    assert "an estimate by the device’s own counter: CPU packages (RAPL)." in text
    assert "trials that ran at the same time each count all of them" in text
    assert "n/a: made up <reason>." in text and "The GPUs took" not in text
    rows = (tmp_path / "tables/cost.csv").read_text()
    assert "CPU packages (RAPL)" in rows and "made up <reason>" in rows


def test_trials_that_conditions_share_count_once(tmp_path: Path) -> None:
    """Three arms trained under the first condition, and ID alone once more under the second."""
    one = FakeStudy(conditions={"a": {}, "b": {"ID": 0.5}}, searches=2)
    summary = summarise(one.write(tmp_path))
    assert len(summary.arms) == 6 and len(summary.distinct_arms) == 4
    assert len(summary.trials) == len(Ledger(tmp_path).recorded()) == 4 * (2 + 3)
    seconds = [trial.cost.total_s for trial in Ledger(tmp_path).read_all().values() if trial.cost]
    assert study_cost(summary).trials_s == pytest.approx(sum(seconds))
    assert len(arm_costs(summary)) == 6


def test_shared_final_trials_to_come_count_once(tmp_path: Path) -> None:
    statuses = {("a/TS", "final", 2): "missing"}
    study = FakeStudy(conditions={"a": {}, "b": {"ID": 0.5}}, searches=0, statuses=statuses)
    summary = summarise(study.write(tmp_path))
    assert summary.num_pending == 1
    assert "1 of 12 final trials still to come." in unfinished(summary)
