"""The plan of a study: which of its trials are done, to continue, to retry, new, or orphaned."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from morec.config import TrialConfig
from morec.results import Cost, EpochRecord, Evaluation, TrialResult, TrialStatus, pack_ranks
from tests.tune_space.made_up_trials import conductor_of
from tune_space.ledger.manifest import ArmEntry, Manifest, SearchEntry
from tune_space.ledger.records import Ledger
from tune_space.schedule.arm_plan import ArmPlan, State
from tune_space.schedule.plan import Plan, make_plan
from tune_space.study.arm import Arm
from tune_space.study.domains import ParamSpec
from tune_space.study.expand import configure, expand
from tune_space.study.spec import ArmSpec, StudySpec

DIMS = (8, 16, 32, 64)


def study(**fields: Any) -> StudySpec:
    base = {"dataset": {"kind": "synthetic"}, "item": {"id": True}}
    defaults: dict[str, Any] = {
        "arms": {"A": ArmSpec(), "B": ArmSpec(set={"training.loss": "in_batch_ce"})},
        "search": {"model.dim": ParamSpec(choice=DIMS)},
        "budget": {"trials": 2},
        "seeds": (1, 2),
        "baseline": "A",
    }
    return StudySpec(name="s", question="?", base=base, **{**defaults, **fields})


def sources(config: TrialConfig) -> Mapping[str, str]:
    return {"data": "d1"}


def result(
    config: TrialConfig, score: float = 0.5, seconds: float = 10.0, *, fails: bool = False
) -> TrialResult:
    evaluation = Evaluation(
        metrics={"HR@10": score}, num_users=1, num_tied=0, num_forced_misses=0,
        packed_ranks=pack_ranks([1]),
    )  # fmt: skip
    cost = Cost(
        params_total=1, params_trainable=1, forward_macs_paper=None, forward_macs_run=None,
        first_epoch_s=None, epoch_s=None, eval_s=None, total_s=seconds, peak_memory_bytes=None,
        memory_kind="process resident set", device="cpu",
    )  # fmt: skip
    epoch = EpochRecord(epoch=1, train_loss=1.0, valid={"HR@10": score}, train_s=1.0, eval_s=1.0)
    is_tested = config.evaluation.test and not fails
    return TrialResult(
        trial_id=config.trial_id(sources(config)),
        config=config,
        sources=dict(sources(config)),
        status=TrialStatus.FAILED if fails else TrialStatus.COMPLETED,
        epochs=() if fails else (epoch,),
        best_epoch=None if fails else 1,
        valid=None if fails else evaluation,
        test=evaluation if is_tested else None,
        cost=cost,
        error="out of memory" if fails else None,
    )


class Folder:
    """A ledger as a run of ``study`` that was stopped somewhere would leave it."""

    def __init__(self, path: Path, spec: StudySpec) -> None:
        self.ledger, self.study = Ledger(path), spec
        self.running: tuple[str, ...] = ()
        self.entries = {
            arm.name: ArmEntry(name=arm.name, config=arm.config) for arm in expand(spec)
        }

    def search(self, arm: Arm, dim: int, **outcome: Any) -> str:
        """Ask for a search trial; it has a record if an outcome is given."""
        config = configure(arm, {"model.dim": dim}, seed=0, test=False)
        trial_id = config.trial_id(sources(config))
        asked = SearchEntry(trial_id=trial_id, params={"model.dim": dim})
        entry = self.entries[arm.name]
        updated = entry.model_copy(update={"search": (*entry.search, asked)})
        self.entries[arm.name] = updated
        if outcome:
            self.ledger.write(result(config, **outcome))
        return trial_id

    def final(self, arm: Arm, params: Mapping[str, int], seed: int, **outcome: Any) -> str:
        config = configure(arm, params, seed=seed, test=True)
        self.ledger.write(result(config, **outcome))
        return config.trial_id(sources(config))

    def locked(self, arm: Arm, dim: int) -> None:
        entry = self.entries[arm.name]
        choice = SearchEntry(trial_id="chosen", params={"model.dim": dim})
        self.entries[arm.name] = entry.model_copy(update={"locked": choice})

    def plan(self, spec: StudySpec | None = None, *, retry_failed: bool = False) -> Plan:
        self.ledger.write_manifest(
            Manifest(
                study=self.study,
                study_file="",
                command="",
                state="interrupted",
                started_at="",
                updated_at="",
                versions={},
                git={},
                device="",
                num_cpus=2,
                datasets=(),
                arms=tuple(self.entries.values()),
                running=self.running,
            )
        )
        wanted = spec or self.study
        return make_plan(wanted, expand(wanted), self.ledger, sources, retry_failed=retry_failed)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, study())


def arm_a(spec: StudySpec) -> Arm:
    return expand(spec)[0]


def test_a_study_that_never_ran_is_all_new_and_has_no_estimate(tmp_path: Path) -> None:
    plan = make_plan(study(), expand(study()), Ledger(tmp_path), sources)
    assert [arm.search for arm in plan.arms] == [{State.NEW: 2}] * 2
    assert [arm.final for arm in plan.arms] == [{State.NEW: 2}] * 2
    assert not plan.arms[0].is_locked
    assert plan.num_left == 2 * (2 + 2)
    assert plan.seconds_left(1) is None
    assert plan.orphaned == ()


def test_an_arm_with_nothing_to_search_is_locked_from_the_start(tmp_path: Path) -> None:
    for spec in (study(search={}), study(budget={"trials": 0})):
        plan = make_plan(spec, expand(spec), Ledger(tmp_path), sources)
        assert plan.arms[0] == ArmPlan("A", {}, {State.NEW: 2}, is_locked=True, mean_s=None)


def test_without_search_trials_the_final_ones_have_the_start_s_values(folder: Folder) -> None:
    spec = study(arms={"A": ArmSpec(start={"model.dim": 32})}, budget={"trials": 0})
    folder.final(arm_a(spec), {"model.dim": 32}, 1)
    (planned,) = folder.plan(spec).arms
    assert planned.final == {State.DONE: 1, State.NEW: 1}


def test_a_search_trial_that_ran_and_has_no_record_is_continued(folder: Folder) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 8, score=0.5)
    asked = folder.search(arm, 16)
    assert folder.plan().arms[0].search == {State.DONE: 1, State.NEW: 1}
    folder.running = (asked,)
    planned = folder.plan().arms[0]
    assert planned.search == {State.DONE: 1, State.CONTINUE: 1}
    assert not planned.is_locked


def test_a_final_trial_with_a_checkpoint_folder_is_continued(folder: Folder) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 8, score=0.5)
    folder.search(arm, 16, score=0.6)
    config = configure(arm, {"model.dim": 16}, seed=2, test=True)
    (folder.ledger.folder / "checkpoints" / config.trial_id(sources(config))).mkdir(parents=True)
    planned = folder.plan().arms[0]
    assert planned.is_locked
    assert planned.final == {State.CONTINUE: 1, State.NEW: 1}


def test_final_trials_are_those_of_the_best_search_trial_the_earliest_of_equals(
    folder: Folder,
) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 16, score=0.6)
    folder.search(arm, 8, score=0.6)
    folder.final(arm, {"model.dim": 16}, 1)
    orphan = folder.final(arm, {"model.dim": 8}, 1)
    plan = folder.plan()
    assert plan.arms[0].final == {State.DONE: 1, State.NEW: 1}
    assert plan.orphaned == (orphan,)


def test_failed_trials_are_done_unless_they_are_to_be_retried(folder: Folder) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 8, score=0.5)
    folder.search(arm, 16, fails=True)
    folder.final(arm, {"model.dim": 8}, 1, fails=True)
    assert folder.plan().arms[0].search == {State.DONE: 2}
    assert folder.plan().arms[0].final == {State.DONE: 1, State.NEW: 1}
    retried = folder.plan(retry_failed=True).arms[0]
    assert retried.search == {State.DONE: 1, State.RETRY: 1}
    assert retried.final == {State.NEW: 2}
    assert not retried.is_locked


def test_an_arm_whose_search_trials_all_failed_has_no_final_trials(folder: Folder) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 8, fails=True)
    folder.search(arm, 16, fails=True)
    planned = folder.plan().arms[0]
    assert planned.final == {}
    assert planned.num_left == 0


def test_a_larger_budget_continues_the_search_and_orphans_nothing(folder: Folder) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 8, score=0.5)
    folder.search(arm, 16, score=0.6)
    folder.locked(arm, 16)
    final = folder.final(arm, {"model.dim": 16}, 1)
    entry = folder.entries["A"]
    folder.entries["A"] = entry.model_copy(update={"final": (final,)})
    plan = folder.plan(study(budget={"trials": 4}))
    assert plan.arms[0].search == {State.DONE: 2, State.NEW: 2}
    assert not plan.arms[0].is_locked
    assert plan.orphaned == ()


def test_a_smaller_budget_or_a_narrower_space_orphans_what_lies_outside(folder: Folder) -> None:
    arm = arm_a(folder.study)
    first = folder.search(arm, 8, score=0.5)
    second = folder.search(arm, 16, score=0.6)
    assert folder.plan(study(budget={"trials": 1})).orphaned == (second,)
    narrower = study(search={"model.dim": ParamSpec(choice=(16, 32))})
    plan = folder.plan(narrower)
    assert plan.orphaned == (first,)
    assert plan.arms[0].search == {State.DONE: 1, State.NEW: 1}


def test_a_space_with_nothing_left_to_try_ends_the_search_below_its_budget(tmp_path: Path) -> None:
    folder = Folder(tmp_path, study(budget={"trials": 9}))
    arm = arm_a(folder.study)
    for number, dim in enumerate(DIMS):
        left = {State.NEW: len(DIMS) - number}
        assert folder.plan().arms[0].search == ({State.DONE: number} if number else {}) | left
        folder.search(arm, dim, score=dim / 100)
    planned = folder.plan().arms[0]
    assert planned.search == {State.DONE: 4}
    assert planned.final == {State.NEW: 2}


def test_other_data_or_seeds_make_other_trials(folder: Folder) -> None:
    arm = arm_a(folder.study)
    ids = [folder.search(arm, 8, score=0.5), folder.search(arm, 16, score=0.6)]
    arms = expand(folder.study)
    folder.plan()
    changed = make_plan(folder.study, arms, folder.ledger, lambda config: {"data": "d2"})
    assert changed.arms[0].search == {State.NEW: 2}
    assert changed.orphaned == tuple(sorted(ids))
    folder.final(arm, {"model.dim": 16}, 1)
    assert folder.plan(study(seeds=(1, 7, 8))).arms[0].final == {State.DONE: 1, State.NEW: 2}


def nothing_there(config: TrialConfig) -> Mapping[str, str]:
    raise AssertionError("the data of an inactive arm was asked for")


def test_a_study_without_its_data_is_planned_as_new(tmp_path: Path) -> None:
    spec = study()
    plan = make_plan(spec, expand(spec), Ledger(tmp_path), nothing_there, inactive=["A", "B"])
    assert [arm.search for arm in plan.arms] == [{State.NEW: 2}] * 2
    assert [arm.final for arm in plan.arms] == [{State.NEW: 2}] * 2


def test_without_its_data_an_arm_s_trials_are_those_an_earlier_run_wrote_down(
    folder: Folder,
) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 8, score=0.5)
    folder.search(arm, 16, score=0.6)
    final = folder.final(arm, {"model.dim": 16}, 1)
    folder.entries["A"] = folder.entries["A"].model_copy(update={"final": (final,)})
    folder.plan()
    arms = expand(folder.study)
    plan = make_plan(folder.study, arms, folder.ledger, nothing_there, inactive=["A", "B"])
    assert plan.arms[0].search == {State.DONE: 2}
    assert plan.arms[0].final == {State.DONE: 1, State.NEW: 1}
    assert plan.orphaned == ()


def test_time_left_is_each_arms_mean_else_the_mean_of_the_arms_over_the_concurrent_ones(
    folder: Folder,
) -> None:
    arm = arm_a(folder.study)
    folder.search(arm, 8, score=0.5, seconds=10.0)
    folder.search(arm, 16, score=0.6, seconds=30.0)
    folder.final(arm, {"model.dim": 16}, 1, seconds=50.0)
    plan = folder.plan()
    assert plan.arms[0].mean_s == (10 + 30 + 50) / 3
    left_a, left_b = 1, 2 + 2
    assert plan.seconds_left(2) == (left_a * 30 + left_b * 30) / 2
    assert plan.restricted(["A"]).seconds_left(1) == 30
    assert plan.restricted([]) == plan


def test_the_plan_counts_down_exactly_as_the_study_runs(folder: Folder) -> None:
    spec, arms = folder.study, expand(folder.study)
    conductor = conductor_of(folder.ledger.folder, spec, sources=sources)
    for num_left in range(2 * (2 + 2), 0, -1):
        plan = make_plan(spec, arms, folder.ledger, sources)
        assert (plan.num_left, plan.orphaned) == (num_left, ())
        job = conductor.next_job()
        assert job is not None
        conductor.finish(result(job.config, score=job.config.model.dim / 100))
    done = make_plan(spec, arms, folder.ledger, sources)
    assert [arm.final for arm in done.arms] == [{State.DONE: 2}] * 2
    assert (done.num_left, done.seconds_left(1)) == (0, 0.0)
    assert conductor.wanted() == folder.ledger.read_all().keys()
