"""Published numbers next to ours: intervals, slices, costs, and none in the quick form."""

from pathlib import Path

import numpy as np
from scipy import stats

from morec.metrics import per_user
from reports.study.costs import arm_costs
from reports.study.published import published_rows
from reports.study.summary import summarise
from tests.reports.made_up_studies import FakeStudy


def test_published_numbers_are_judged_by_our_interval(tmp_path: Path) -> None:
    base = summarise(FakeStudy(seeds=(1,)).write(tmp_path / "first"))
    arm = base.arm("TS")
    assert arm is not None
    (result,) = arm.tested.values()
    assert result.test is not None
    hits_U = per_user("HR@10", result.test.ranks)
    interval = stats.ttest_1samp(hits_U, 0).confidence_interval(0.95)
    mean = 100 * float(np.mean(hits_U))
    expected = {"TS": {"HR@10": round(mean + 0.1, 2)}, "ID": {"HR@10": 90.0}, "X": {"HR@10": 1.0}}
    study = FakeStudy(seeds=(1,), overrides={"expected": expected})

    inside, outside, absent = published_rows(summarise(study.write(tmp_path / "second")))

    assert inside.judgement == "within interval"
    assert inside.interval == f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"
    assert inside.papers == f"{mean + 0.1:.2f}"
    assert outside.judgement.startswith("off by −")
    assert absent.judgement == "not measured"


def test_a_metric_of_a_slice_is_measured_on_its_users(tmp_path: Path) -> None:
    """Table 9 has HR@10 of cold items only."""
    study = FakeStudy(
        seeds=(1,),
        slices={"popularity": (100, 200)},
        overrides={"expected": {"ID": {"HR@10 cold": 3.06, "HR@10 warm": 1.0}}},
    )
    summary = summarise(study.write(tmp_path))
    (result,) = summary.arms[0].tested.values()
    assert result.test is not None
    hits_U = per_user("HR@10", result.test.ranks[100:])
    interval = stats.ttest_1samp(hits_U, 0).confidence_interval(0.95)

    cold, unknown = published_rows(summary)

    assert cold.ours == f"{100 * hits_U.mean():.2f}"
    assert cold.interval == f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"
    assert unknown.judgement == "not measured"


def test_each_published_number_is_compared_on_its_own_data_set(tmp_path: Path) -> None:
    expected = {"HM/ID": {"HR@10": 6.84}, "MIND/ID": {"HR@10": 17.71}}
    study = FakeStudy(datasets={"MIND": None, "HM": None}, overrides={"expected": expected})
    summary = summarise(study.write(tmp_path))
    rows = published_rows(summary)
    assert [(row.dataset, row.arm, row.papers) for row in rows] == [
        ("HM", "ID", "6.84"),
        ("MIND", "ID", "17.71"),
    ]
    means = {arm.name: arm.mean("HR@10") or 0 for arm in summary.arms}
    assert [row.ours for row in rows] == [f"{100 * means[n]:.2f}" for n in ("HM/ID", "MIND/ID")]


def test_the_quick_form_shows_no_paper_numbers(tmp_path: Path) -> None:
    overrides = {"profile": "quick", "expected": {"ID": {"HR@10": 17.71}}}
    assert published_rows(summarise(FakeStudy(overrides=overrides).write(tmp_path))) == ()


def test_costs_are_compared_by_their_ratio_and_memory_on_a_gpu_only(tmp_path: Path) -> None:
    base = summarise(FakeStudy().write(tmp_path / "first"))
    (cost,) = [cost for cost in arm_costs(base) if cost.arm == "TS"]
    assert cost.forward_macs_paper is not None
    expected = {
        "#Param M": cost.params_total / 2e6,
        "FLOPs G": cost.forward_macs_paper / 1e9,
        "GPU GB": 3,
    }
    study = FakeStudy(overrides={"expected": {"TS": expected}})

    params, flops, memory = published_rows(summarise(study.write(tmp_path / "second")))

    assert params.judgement == "2.00 times the paper’s"
    assert params.ours == f"{cost.params_total / 1e6:.3g}"
    assert flops.judgement == "1.00 times the paper’s"
    assert (memory.papers, memory.judgement) == ("3", "not measured")
