"""Arms that join other arms' models: when they run, with which members, and what stays for them."""

from pathlib import Path
from typing import Any

import pytest

from morec.config import TrialConfig
from morec.results import TrialStatus
from tests.tune_space.made_up_trials import STUDY, conductor_of, end, outcome, play, sources, study
from tune_space.commands.audit_arms import ArmAudit
from tune_space.ledger.records import Ledger
from tune_space.schedule.plan import make_plan
from tune_space.study.arm import MEMBERS
from tune_space.study.expand import expand

ARMS = {
    "late": {"ensemble": ["ID", "wide"]},
    **STUDY["arms"],  # type: ignore[dict-item]
    "twice": {"ensemble": ["ID", "ID"]},
}


def _study(**changes: Any) -> Any:
    return study(arms=ARMS, seeds=[1, 2, 3], **changes)


def _names(config: TrialConfig) -> list[str]:
    return [one.trial_id(sources(one)) for one in config.ensemble]


def test_trials_join_the_locked_models_of_their_seed_after_these_have_ended(tmp_path: Path) -> None:
    jobs = play(conductor_of(tmp_path, _study()), num_concurrent=2)
    order = [job.trial_id for job in jobs]
    entries = {entry.name: entry for entry in Ledger(tmp_path).manifest().arms}
    late, ids, wide = entries["late"], entries["ID"], entries["wide"]
    assert len(late.final) == 3 and late.search == ()
    assert late.locked is not None and ids.locked and wide.locked
    assert late.locked.params == {MEMBERS: [ids.locked.params, wide.locked.params]}
    by_id = {job.trial_id: job for job in jobs}
    for index, trial_id in enumerate(late.final):
        config = by_id[trial_id].config
        assert _names(config) == [ids.final[index], wide.final[index]]
        assert all(order.index(one) < order.index(trial_id) for one in _names(config))
        assert config.evaluation.test


def test_an_arm_named_twice_joins_each_seed_with_the_next_and_the_last_with_the_first(
    tmp_path: Path,
) -> None:
    play(conductor_of(tmp_path, _study()))
    entries = {entry.name: entry for entry in Ledger(tmp_path).manifest().arms}
    one, two, three = entries["ID"].final
    records = Ledger(tmp_path).read_all()
    found = [_names(records[trial_id].config) for trial_id in entries["twice"].final]
    assert found == [[one, two], [two, three], [three, one]]


@pytest.mark.parametrize("stops", [[3], [9, 10], [11, 13, 14]])
def test_interruptions_leave_the_same_trials_and_choices(tmp_path: Path, stops: list[int]) -> None:
    play(conductor_of(tmp_path / "whole", _study()))
    for stop in stops:
        play(conductor_of(tmp_path / "cut", _study()), limit=stop)
    play(conductor_of(tmp_path / "cut", _study()), num_concurrent=3)
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "whole")


def test_members_checkpoints_stay_until_the_last_trial_that_reads_them_and_no_others(
    tmp_path: Path,
) -> None:
    conductor = conductor_of(tmp_path, _study())
    seen: set[str] = set()
    while (job := conductor.next_job()) is not None:
        folder = tmp_path / "checkpoints" / job.trial_id
        folder.mkdir(parents=True)
        for name in _names(job.config):
            assert (tmp_path / "checkpoints" / name).is_dir(), "a member's checkpoint is gone"
            seen.add(name)
        conductor.finish(end(job))
    assert len(seen) == 6
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_where_a_member_failed_the_trial_runs_and_says_why(tmp_path: Path) -> None:
    conductor = conductor_of(tmp_path, _study())
    ran = []
    while (job := conductor.next_job()) is not None:
        is_broken = job.arm == "wide" and job.role == "final"
        ran.append(job.arm)
        conductor.finish(end(job, TrialStatus.FAILED if is_broken else TrialStatus.COMPLETED))
    assert ran.count("late") == 3 and conductor.is_complete()


def test_only_an_ensemble_runs_its_members_too(tmp_path: Path) -> None:
    from tune_space.study.arm_names import select_arms

    only = select_arms(_study(), ["late"])
    assert only == ("late", "ID", "wide")
    jobs = play(conductor_of(tmp_path, _study(), only=only))
    assert {job.arm for job in jobs} == set(only)


def test_the_plan_counts_no_search_and_knows_the_trials_afterwards(tmp_path: Path) -> None:
    spec = _study()
    before = make_plan(spec, expand(spec), Ledger(tmp_path), sources)
    late = next(arm for arm in before.arms if arm.name == "late")
    assert (sum(late.search.values()), late.num_left) == (0, 3)
    play(conductor_of(tmp_path, spec))
    after = make_plan(spec, expand(spec), Ledger(tmp_path), sources)
    assert after.num_left == 0 and after.orphaned == ()
    assert next(arm for arm in after.arms if arm.name == "late").num_done == 3


def test_another_choice_of_a_member_makes_other_trials(tmp_path: Path) -> None:
    play(conductor_of(tmp_path, _study()))
    before = next(e for e in Ledger(tmp_path).manifest().arms if e.name == "late").final
    play(conductor_of(tmp_path, _study(budget={"trials": 12})))
    entries = {entry.name: entry for entry in Ledger(tmp_path).manifest().arms}
    records = Ledger(tmp_path).read_all()
    for index, trial_id in enumerate(entries["late"].final):
        members = [entries["ID"].final[index], entries["wide"].final[index]]
        assert _names(records[trial_id].config) == members
    assert set(before).isdisjoint(entries["late"].final)


def test_the_audit_derives_the_locked_values_from_the_members_own_searches(tmp_path: Path) -> None:
    spec = _study(budget={"trials": 1})
    play(conductor_of(tmp_path, spec))
    entries = {entry.name: entry for entry in Ledger(tmp_path).manifest().arms}
    records = Ledger(tmp_path).read_all()
    arms = {arm.name: arm for arm in expand(spec)}
    members = tuple(ArmAudit(spec, arms[n], entries[n], records) for n in ("ID", "wide"))
    late = entries["late"]
    sound = ArmAudit(spec, arms["late"], late, records, members)
    assert not [text for text in sound.problems() if "locked" in text]
    wrong = late.locked.model_copy(update={"params": {MEMBERS: [{}, {}]}})  # type: ignore[union-attr]
    forged = ArmAudit(
        spec, arms["late"], late.model_copy(update={"locked": wrong}), records, members
    )
    assert any("validation alone chooses" in text for text in forged.problems())


def test_an_arm_that_joins_one_without_a_choice_leaves_nothing_to_run(tmp_path: Path) -> None:
    spec = _study()
    conductor = conductor_of(tmp_path, spec)
    play(conductor, fail={"wide"})
    assert conductor.is_complete()
    left = make_plan(spec, expand(spec), Ledger(tmp_path), sources)
    assert (left.num_left, left.orphaned) == (0, ())
    entries = {entry.name: entry for entry in Ledger(tmp_path).manifest().arms}
    assert (entries["late"].locked, entries["late"].final) == (None, ())


def test_a_run_of_other_arms_keeps_what_a_later_one_joins(tmp_path: Path) -> None:
    """``--only`` may come before the arm that joins has started, or when it is half done."""
    play(conductor_of(tmp_path, _study(), only=("ID", "wide")), num_concurrent=1)
    left = conductor_of(tmp_path, _study())
    for trial_id in (i for e in left.manifest.arms if e.name in ("ID", "wide") for i in e.final):
        left.checkpoints.of(trial_id).save({"epoch": 1})
    kept = sorted((tmp_path / "checkpoints").iterdir())
    conductor_of(tmp_path, _study(), only=("fixed",))
    assert sorted((tmp_path / "checkpoints").iterdir()) == kept
    play(conductor_of(tmp_path, _study()))
    conductor_of(tmp_path, _study(), only=("fixed",))
    assert list((tmp_path / "checkpoints").iterdir()) == []
