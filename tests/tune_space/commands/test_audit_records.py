"""What the audit asks of one record: metrics of installed packages, and forced misses."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from morec.config import TrialConfig
from morec.config.ensemble import joined_sources, weight_grid
from morec.extensions import installed
from morec.metrics import NEVER_FOUND, metrics_of
from morec.results import EpochRecord, Evaluation, TrialResult, TrialStatus, pack_ranks
from tests.installed_package import write_package
from tests.morec.tiny_trials import tiny_config
from tune_space.commands.audit_records import ensemble_problems, evaluation_problems

RANKS_U = np.array([2, 30])


def evaluation(metrics: dict[str, float]) -> Evaluation:
    return Evaluation(
        metrics=metrics,
        num_users=2,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks(RANKS_U),
    )


@pytest.fixture
def biased_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that adds the metric RBP."""
    write_package(
        tmp_path,
        "toy-rbp",
        modules={"toy_rbp.py": "def gain(ranks):\n    return 0.5 ** (ranks - 1)\n"},
        entries={"morec.metrics": {"RBP": "toy_rbp:gain"}},
    )
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.mark.usefixtures("biased_precision")
def test_a_record_from_before_a_package_was_installed_has_no_problem() -> None:
    before = {"HR@10": 0.5, "NDCG@10": metrics_of(RANKS_U, (10,))["NDCG@10"]}
    assert list(evaluation_problems(evaluation(before), (10,))) == []


@pytest.mark.usefixtures("biased_precision")
def test_a_recorded_metric_of_a_package_is_computed_again() -> None:
    recorded = metrics_of(RANKS_U, (10,))
    assert recorded["RBP@10"] == 1 / 4
    assert list(evaluation_problems(evaluation(recorded), (10,))) == []
    wrong = evaluation(recorded | {"RBP@10": 0.5})
    assert list(evaluation_problems(wrong, (10,))) == ["RBP@10 is 0.5; the ranks give 0.25"]


def test_a_metric_that_the_trial_knows_is_asked_for_and_a_younger_one_is_not() -> None:
    before = evaluation({"HR@10": 0.5})
    assert list(evaluation_problems(before, (10,), known={"HR@10"})) == []
    found = list(evaluation_problems(before, (10,), known={"HR@10", "MRR@10"}))
    assert found == ["MRR@10 is None; the ranks give 0.25"]


def recorded(ranks: list[int], ks: tuple[int, ...], *, num_forced_misses: int) -> Evaluation:
    """A record whose metrics are those of its ranks."""
    ranks_U = np.array(ranks)
    return Evaluation(
        metrics=metrics_of(ranks_U, ks),
        num_users=len(ranks),
        num_tied=0,
        num_forced_misses=num_forced_misses,
        packed_ranks=pack_ranks(ranks_U),
    )


def test_forced_misses_that_are_never_found_have_no_problem() -> None:
    for ks in ((10, 20), (10, 2**40)):
        result = recorded([1, NEVER_FOUND, 12], ks, num_forced_misses=1)
        assert list(evaluation_problems(result, ks)) == []


def test_an_earlier_record_with_ranks_behind_all_items_has_no_problem_below_that_rank() -> None:
    result = recorded([1, 13, 12, 13], (10, 12), num_forced_misses=2)
    assert list(evaluation_problems(result, (10, 12))) == []


def test_a_forced_miss_that_counts_as_a_hit_is_off() -> None:
    result = recorded([1, 13, 12, 13], (10, 13), num_forced_misses=2)
    assert result.metrics["HR@13"] == 1.0
    assert list(evaluation_problems(result, (10, 13))) == [
        "2 forced misses have the rank 13: they count as hits at 13"
    ]


def test_metrics_that_count_a_target_that_is_never_found_are_off() -> None:
    result = recorded([1, NEVER_FOUND], (10, 20), num_forced_misses=1)
    wrong = result.model_copy(update={"metrics": result.metrics | {"HR@20": 1.0}})
    assert list(evaluation_problems(wrong, (10, 20))) == ["HR@20 is 1.0; the ranks give 0.5"]


@pytest.mark.parametrize(
    ("ranks", "num_forced_misses", "num_found"),
    [([1, NEVER_FOUND], 0, 1), ([1, NEVER_FOUND], 2, 1), ([1, 13, 13], 1, 2)],
)
def test_forced_misses_that_are_not_counted_are_off(
    ranks: list[int], num_forced_misses: int, num_found: int
) -> None:
    result = recorded(ranks, (10,), num_forced_misses=num_forced_misses)
    assert list(evaluation_problems(result, (10,))) == [
        f"{num_forced_misses} forced misses are counted; the ranks have {num_found}"
    ]


def test_the_audit_of_a_late_fusion_compares_each_member_alone_with_its_own_record() -> None:
    member = tiny_config()
    other = tiny_config(seed=1)
    fused = member.model_copy(update={"ensemble": (member, other)})
    sources = joined_sources([{"data": "d"}, {"data": "d"}])
    scores = {(1.0, 0.0): 0.5, (0.0, 1.0): 0.0}
    epochs = [{"HR@10": scores.get(weights, 0.25)} for weights in weight_grid(2)]

    def record(config: TrialConfig, values: list[dict[str, float]]) -> TrialResult:
        best = 1 + [one["HR@10"] for one in values].index(max(one["HR@10"] for one in values))
        own = sources if config.ensemble else {"data": "d"}
        return TrialResult(
            trial_id=config.trial_id(own),
            config=config,
            sources=own,
            status=TrialStatus.COMPLETED,
            epochs=tuple(
                EpochRecord(epoch=n, train_loss=0, valid=one, train_s=0, eval_s=0)
                for n, one in enumerate(values, 1)
            ),
            best_epoch=best,
            valid=evaluation(values[best - 1]),
        )

    late = record(fused, epochs)
    members = {one.trial_id: one for one in (record(member, [{"HR@10": 0.5}]),)}
    (missing,) = ensemble_problems(late, members)
    assert "member 2" in missing and "has no record" in missing
    zero = record(other, [{"HR@10": 0.0}])
    assert list(ensemble_problems(late, members | {zero.trial_id: zero})) == []
    better = record(other, [{"HR@10": 0.3}])
    (off,) = ensemble_problems(late, members | {better.trial_id: better})
    assert "member 2 alone has HR@10 0.0" in off and "0.3" in off
    (short,) = ensemble_problems(record(fused, epochs[:5]), members)
    assert "5 weightings; the grid has 11" in short
