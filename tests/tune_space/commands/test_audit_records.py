"""What the audit asks of one record: metrics of installed packages, and forced misses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morec.config import TrialConfig
from morec.config.ensemble import joined_sources, weight_grid
from morec.extensions import installed
from morec.metrics import NEVER_FOUND, metrics_of
from morec.results import EpochRecord, Evaluation, TrialResult, TrialStatus, pack_ranks
from tests.installed_package import write_package
from tests.morec.tiny_trials import tiny_config
from tune_space.commands.audit_records import (
    ensemble_problems,
    evaluation_problems,
    record_problems,
    reference_problems,
    selected_score,
)
from tune_space.ledger.manifest import Manifest, Reference

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
    # A member's own record may differ by the rounding of its scores.
    near = record(other, [{"HR@10": 0.001}])
    assert list(ensemble_problems(late, members | {near.trial_id: near})) == []
    first = member.trial_id({"data": "d"})
    failed = record(member, [{"HR@10": 0.5}]).model_copy(update={"valid": None})
    assert list(ensemble_problems(late, {first: failed, better.trial_id: better})) == [
        f"{late.trial_id}: member 1, {first}, has no record of its validation",
        f"{late.trial_id}: member 2 alone has HR@10 0.0; its record {better.trial_id} has 0.3",
    ]


def epoch(number: int, metrics: dict[str, float]) -> EpochRecord:
    return EpochRecord(epoch=number, train_loss=0, valid=metrics, train_s=0, eval_s=0)


MISSED = recorded([30, 30, 30], (10,), num_forced_misses=0)
FOUND = recorded([1, 30, 30], (10,), num_forced_misses=0)


def trial(**changes: Any) -> TrialResult:
    """A sound trial of three epochs, whose second and third are the best."""
    config, sources = tiny_config(), {"data": "d"}
    epochs = [epoch(n, one.metrics) for n, one in enumerate((MISSED, FOUND, FOUND), start=1)]
    whole = TrialResult(
        trial_id=config.trial_id(sources),
        config=config,
        sources=sources,
        status=TrialStatus.COMPLETED,
        epochs=tuple(epochs),
        best_epoch=2,
        valid=FOUND,
    )
    return whole.model_copy(update=changes)


def test_a_trial_whose_values_follow_from_each_other_has_no_problem() -> None:
    assert list(record_problems(trial())) == []
    config, sources = tiny_config(), {"data": "d"}
    earlier = trial(schema_version=2, trial_id=config.trial_id(sources, schema=2))
    assert earlier.trial_id != trial().trial_id
    assert list(record_problems(earlier)) == []
    failed = trial(status=TrialStatus.FAILED, error="why", valid=None, best_epoch=None, epochs=())
    assert list(record_problems(failed)) == []


def test_a_trial_under_another_name_is_off() -> None:
    assert list(record_problems(trial(trial_id="other"))) == [
        f"its configuration and sources are those of {trial().trial_id}"
    ]


def test_both_splits_are_computed_again_and_asked_for_every_metric_of_the_epochs() -> None:
    wrong = FOUND.model_copy(update={"metrics": {"NDCG@10": 0.5, "HR@10": 0.5}})
    split = [
        "HR@10 is 0.5; the ranks give 0.3333333333333333",
        "MRR@10 is None; the ranks give 0.3333333333333333",
        "NDCG@10 is 0.5; the ranks give 0.3333333333333333",
    ]
    epochs = [epoch(1, {"HR@10": 0.5, "NDCG@10": 0.5}), epoch(2, {"HR@10": 0.0, "MRR@10": 0.0})]
    found = record_problems(trial(valid=wrong, test=wrong, epochs=tuple(epochs), best_epoch=1))
    assert list(found) == [f"{name}: {text}" for name in ("valid", "test") for text in split]


@pytest.mark.parametrize(("change", "is_off"), [(1e-13, False), (1e-9, True), (1e-6, True)])
def test_a_metric_may_differ_by_the_last_digits_alone(change: float, is_off: bool) -> None:
    right = metrics_of(RANKS_U, (10,))
    result = evaluation(right | {"HR@10": 0.5 + change})
    said = f"HR@10 is {0.5 + change}; the ranks give 0.5"
    assert list(evaluation_problems(result, (10,))) == [said] * is_off


def test_forced_misses_are_off_only_where_no_history_is_masked() -> None:
    missed = recorded([1, NEVER_FOUND, NEVER_FOUND], (10,), num_forced_misses=2)
    epochs = (epoch(1, missed.metrics),)
    masked = trial(valid=missed, epochs=epochs, best_epoch=1)
    assert list(record_problems(masked)) == []
    rules = masked.config.evaluation.model_copy(update={"mask_history": False})
    config = masked.config.model_copy(update={"evaluation": rules})
    unmasked = masked.model_copy(
        update={"config": config, "trial_id": config.trial_id(masked.sources)}
    )
    assert list(record_problems(unmasked)) == [
        "valid: 2 forced misses although no history is masked"
    ]
    none = trial(config=config, trial_id=config.trial_id(masked.sources))
    assert list(record_problems(none)) == []


def test_the_best_epoch_is_the_first_with_the_best_score_and_has_the_trial_s_metrics() -> None:
    for epoch_number in (1, 3):
        assert list(record_problems(trial(best_epoch=epoch_number))) == [
            f"best epoch {epoch_number}; by validation HR@10 it is 2"
        ]
    assert list(record_problems(trial(valid=MISSED))) == [
        "its validation metrics are not those of its best epoch, 2"
    ]


def test_a_choice_is_made_by_the_ranks_and_not_by_what_is_written() -> None:
    assert selected_score(trial()) == 1 / 3
    written = FOUND.model_copy(update={"metrics": {"HR@10": 0.9}})
    assert selected_score(trial(valid=written)) == 1 / 3
    assert selected_score(trial(valid=MISSED)) == 0
    assert selected_score(trial(valid=MISSED.model_copy(update={"packed_ranks": "no"}))) == -1


def reference(name: str, test: dict[str, float], result: Evaluation | None) -> Reference:
    return Reference(name=name, valid={}, test=test, test_evaluation=result)


def test_references_are_computed_again_where_they_have_ranks() -> None:
    sound = recorded([1, 12, 30], (10, 20), num_forced_misses=0)
    more = sound.metrics | {"HR@20": 1.0}
    manifest = Manifest.model_construct(
        references=(
            reference("chance", {"HR@10": 0.1}, None),
            reference("popularity", sound.metrics, sound),
            reference("ease", more, sound.model_copy(update={"metrics": more})),
            reference("last", sound.metrics | {"HR@30": 1.0}, sound),
        )
    )
    assert list(reference_problems(manifest)) == [
        "manifest: ease: test: HR@20 is 1.0; the ranks give 0.6666666666666666",
        "manifest: last: test: HR@30 is None; the ranks give 1.0",
        "manifest: last: its test metrics are not those of its ranks",
    ]
