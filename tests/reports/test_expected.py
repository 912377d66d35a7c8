from pathlib import Path

import numpy as np
from scipy import stats

from reports.expected import expected_rows
from reports.rank_metrics import per_user
from reports.summary import summarise
from tests.reports.made_up_studies import FakeStudy


def test_expected_numbers_stand_beside_our_interval(tmp_path: Path) -> None:
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

    inside, outside, absent = expected_rows(summarise(study.write(tmp_path / "second")))

    assert inside.judgement == "within interval"
    assert inside.interval == f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"
    assert inside.papers == f"{mean + 0.1:.2f}"
    assert outside.judgement.startswith("off by −")
    assert absent.judgement == "no value of ours yet"
