"""An arm to search, and trials of it whose scores are made up."""

import json
from collections.abc import Sequence

from morec.config import TrialConfig
from morec.results import EpochRecord, Evaluation, TrialResult, TrialStatus, pack_ranks
from tune_space.schedule.arm_search import ArmSearch
from tune_space.study.arm import Arm
from tune_space.study.domains import ParamSpec
from tune_space.study.spec import ArmSpec, BudgetSpec, StudySpec

BASE = {"dataset": {"kind": "synthetic"}, "item": {"id": True}, "training": {"max_epochs": 9}}
SPACE = {
    "optim.lr": ParamSpec(loguniform=(1e-4, 1e-1)),
    "model.num_blocks": ParamSpec(int=(1, 3)),
    "training.loss": ParamSpec(choice=("bce", "in_batch_ce")),
    "training.batch_size": ParamSpec(choice=(16, 32), when={"training.loss": "in_batch_ce"}),
}


def study(**fields) -> StudySpec:
    fields = {"budget": BudgetSpec(trials=6)} | fields
    return StudySpec(
        name="s", question="q", base=BASE, arms={"A": ArmSpec()}, baseline="A", **fields
    )


def arm(space=SPACE) -> Arm:
    return Arm("A", None, TrialConfig.model_validate_json(json.dumps(BASE)), dict(space))


def result_of(
    config: TrialConfig,
    trial_id: str,
    scores: Sequence[float],
    status: TrialStatus = TrialStatus.COMPLETED,
) -> TrialResult:
    epochs = tuple(
        EpochRecord(
            epoch=n, train_loss=1.0, valid={"HR@10": s, "NDCG@10": s}, train_s=1.0, eval_s=1.0
        )
        for n, s in enumerate(scores, 1)
    )
    done = status is TrialStatus.COMPLETED
    evaluation = Evaluation(
        metrics={"HR@10": max(scores)},
        num_users=1,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks([1]),
    )
    return TrialResult(
        trial_id=trial_id,
        config=config,
        sources={},
        status=status,
        epochs=epochs,
        best_epoch=1 if done else None,
        valid=evaluation if done else None,
        error=None if status in (TrialStatus.COMPLETED, TrialStatus.PRUNED) else "why",
    )


def score_of(config: TrialConfig) -> float:
    return min(1.0, config.optim.lr * 5)


def ask(search: ArmSearch, trial_id: str, params=None) -> TrialConfig | None:
    """The next trial's configuration, under a name of the test's own."""
    asked = search.ask(lambda config: trial_id, params)
    return asked and asked[1]


def run(search: ArmSearch, num_trials: int, first: int = 0, params=()) -> list[TrialResult]:
    results = []
    for number in range(first, num_trials):
        asked = ask(search, f"t{number}", params[number] if number < len(params) else None)
        if asked is None:
            break
        results.append(result_of(asked, f"t{number}", [score_of(asked)]))
        search.tell(results[-1])
    return results


def configs(search: ArmSearch, num_trials: int) -> list[TrialConfig]:
    return [result.config for result in run(search, num_trials)]


GRID = {
    "optim.lr": ParamSpec(choice=(1e-4, 1e-3, 1e-2, 1e-1)),
    "model.num_blocks": ParamSpec(choice=(1, 2, 3)),
}
