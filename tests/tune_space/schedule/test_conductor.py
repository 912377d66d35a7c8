"""The conductor without Ray: what runs next, what is locked, what survives an interruption."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morec.code_version import code_version
from morec.config import canonical_json
from morec.results import Reason, TrialStatus
from morec.storage import Storage
from tests.tune_space.made_up_trials import (
    COST,
    STUDY,
    conductor_of,
    curve,
    end,
    outcome,
    play,
    study,
)
from tune_space.ledger.records import Ledger
from tune_space.schedule.arm_plan import MAX_FAILURES
from tune_space.schedule.outcomes import MAX_ATTEMPTS


def test_every_arm_is_searched_locked_and_replicated_with_all_seeds(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    jobs = play(conductor)
    assert conductor.is_finished()
    for entry in conductor.manifest.arms:
        assert len(entry.search) == 3
        assert len(entry.final) == 2
        results = [conductor.results[e.trial_id] for e in entry.search]
        best = max(results, key=lambda result: result.best_score())
        assert entry.locked.trial_id == best.trial_id
        for trial_id, seed in zip(entry.final, (1, 2), strict=True):
            final = conductor.results[trial_id].config
            assert (final.optim, final.seed) == (best.config.optim, seed)
    assert len(jobs) == 3 * (3 + 2)


def test_only_locked_configurations_see_the_test_split(tmp_path) -> None:
    jobs = play(conductor_of(tmp_path))
    assert all(job.config.evaluation.test == (job.role == "final") for job in jobs)


def test_an_arm_searches_one_trial_at_a_time_and_all_arms_search_concurrently(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    first = [conductor.next_job() for _ in range(4)]
    assert sorted(job.arm for job in first[:3]) == ["ID", "fixed", "wide"]
    assert first[3] is None
    assert not conductor.is_finished()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stops=st.lists(st.integers(0, 5), max_size=5),
    num_concurrent=st.sampled_from([1, 2, 3]),
    scheduler=st.sampled_from(["none", "asha"]),
)
def test_any_interruptions_leave_the_same_trials_and_choices(
    tmp_path_factory, stops, num_concurrent, scheduler
) -> None:
    whole, cut = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("cut")
    play(conductor_of(whole, study(scheduler=scheduler)), num_concurrent=1)
    for stop in stops:
        play(
            conductor_of(cut, study(scheduler=scheduler)), limit=stop, num_concurrent=num_concurrent
        )
    play(conductor_of(cut, study(scheduler=scheduler)), num_concurrent=num_concurrent)
    assert outcome(cut) == outcome(whole)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stops=st.lists(st.integers(0, 6), max_size=4),
    num_concurrent=st.integers(1, 8),
    settings_of=st.fixed_dictionaries(
        {
            "scheduler": st.sampled_from(["none", "asha", "median"]),
            "sampler": st.sampled_from(["tpe", "random"]),
            "budget": st.sampled_from([{"trials": 10, "parallel": n} for n in (2, 3, 4)]),
        }
    ),
    order=st.randoms(use_true_random=False),
)
def test_a_round_s_decisions_depend_on_no_order_and_no_interruption(
    tmp_path_factory, stops, num_concurrent, settings_of, order
) -> None:
    spec = study(**settings_of)
    whole, cut = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("cut")
    play(conductor_of(whole, spec), num_concurrent=1)
    for stop in stops:
        play(conductor_of(cut, spec), limit=stop, num_concurrent=num_concurrent, order=order)
    play(conductor_of(cut, spec), num_concurrent=num_concurrent, order=order)
    assert outcome(cut) == outcome(whole)


def test_an_arm_s_round_runs_at_the_same_time_and_the_next_waits_for_all_of_it(tmp_path) -> None:
    spec = study(arms={"ID": {}}, budget={"trials": 5, "parallel": 2})
    conductor = conductor_of(tmp_path, spec)
    sizes = []
    while jobs := [job for _ in range(9) if (job := conductor.next_job()) is not None]:
        sizes.append(len(jobs))
        for job in reversed(jobs):
            assert conductor.next_job() is None
            conductor.finish(end(job))
    assert sizes == [2, 2, 1, 2]  # The last two are final trials.
    (entry,) = conductor.manifest.arms
    assert len({canonical_json(trial.params) for trial in entry.search}) == 5


def test_nothing_is_written_or_deleted_before_the_start(tmp_path) -> None:
    play(conductor_of(tmp_path))
    record = next((tmp_path / "trials").iterdir())
    left_behind = tmp_path / "checkpoints" / record.stem / "last.pt"
    left_behind.parent.mkdir(parents=True)
    left_behind.touch()
    before = (tmp_path / "manifest.json").read_bytes()
    conductor = conductor_of(tmp_path, study(seeds=[1, 2, 3]), is_started=False)
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert left_behind.exists()
    conductor.start()
    assert Ledger(tmp_path).read_manifest().study.seeds == (1, 2, 3)
    assert not left_behind.exists()


def test_an_edited_arm_asks_for_its_search_trials_under_their_new_identities(tmp_path) -> None:
    play(conductor_of(tmp_path))
    before = {entry.name: entry for entry in Ledger(tmp_path).read_manifest().arms}
    edited = STUDY["arms"] | {"wide": {"set": {"model.dim": 64}}}
    conductor = conductor_of(tmp_path, study(arms=edited))
    (wide,) = (entry for entry in conductor.manifest.arms if entry.name == "wide")
    assert [e.params for e in wide.search] == [e.params for e in before["wide"].search]
    assert set(conductor.manifest.orphaned) == set(before["wide"].trial_ids)


def test_the_manifest_names_what_runs(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    jobs = [conductor.next_job(), conductor.next_job()]
    assert Ledger(tmp_path).read_manifest().running == tuple(job.trial_id for job in jobs)
    conductor.finish(end(jobs[0]))
    assert Ledger(tmp_path).read_manifest().running == (jobs[1].trial_id,)


def test_a_finished_study_starts_nothing_again(tmp_path) -> None:
    play(conductor_of(tmp_path))
    again = conductor_of(tmp_path)
    assert again.next_job() is None
    assert again.is_finished()


def test_added_seeds_and_arms_run_and_nothing_else(tmp_path) -> None:
    play(conductor_of(tmp_path))
    arms = STUDY["arms"] | {"new": {"set": {"model.num_blocks": 3}}}
    jobs = play(conductor_of(tmp_path, study(seeds=[1, 2, 3], arms=arms)))
    new = [job for job in jobs if job.arm == "new"]
    old = [job for job in jobs if job.arm != "new"]
    assert len(new) == 3 + 3
    assert [(job.role, job.config.seed) for job in old] == [("final", 3)] * 3


def test_a_larger_budget_goes_on_from_the_search_there_is(tmp_path) -> None:
    before = conductor_of(tmp_path)
    play(before)
    after = conductor_of(tmp_path, study(budget={"trials": 5}))
    jobs = play(after)
    assert sum(job.role == "search" for job in jobs) == 3 * 2
    for old, new in zip(before.manifest.arms, after.manifest.arms, strict=True):
        assert new.search[:3] == old.search


def test_a_removed_arm_stays_in_the_ledger_as_orphaned(tmp_path) -> None:
    play(conductor_of(tmp_path))
    arms = {name: arm for name, arm in STUDY["arms"].items() if name != "wide"}
    after = conductor_of(tmp_path, study(arms=arms))
    assert play(after) == []
    assert len(after.manifest.orphaned) == 3 + 2
    assert set(after.manifest.orphaned) <= Ledger(tmp_path).read_all().keys()


def test_an_edited_search_space_keeps_the_trials_that_still_lie_in_it(tmp_path) -> None:
    before = conductor_of(tmp_path)
    play(before)
    narrowed = {"optim.lr": {"loguniform": [1e-4, 2e-2]}}
    after = conductor_of(tmp_path, study(search=narrowed))
    for old, new in zip(before.manifest.arms, after.manifest.arms, strict=True):
        kept = [e for e in old.search if e.params["optim.lr"] <= 2e-2]
        assert [e.trial_id for e in new.search[: len(kept)]] == [e.trial_id for e in kept]


def test_other_data_under_the_same_path_is_another_study(tmp_path) -> None:
    play(conductor_of(tmp_path))
    after = conductor_of(tmp_path, sources=lambda config: {"data": "d1"})
    assert len(play(after)) == 3 * (3 + 2)
    assert len(after.manifest.orphaned) == 3 * (3 + 2)


def test_an_arm_that_always_fails_leaves_the_others_finished(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    play(conductor, fail={"wide"})
    assert conductor.is_finished()
    entries = {entry.name: entry for entry in conductor.manifest.arms}
    assert entries["wide"].locked is None
    assert entries["wide"].final == ()
    assert len(entries["ID"].final) == len(entries["fixed"].final) == 2


def test_an_arm_that_always_fails_is_given_up_and_found_hopeless_again(tmp_path) -> None:
    spec = study(budget={"trials": 20})
    conductor = conductor_of(tmp_path, spec)
    jobs = play(conductor, fail={"wide"})
    assert sum(job.arm == "wide" for job in jobs) == MAX_FAILURES
    assert sum(job.arm == "ID" for job in jobs) == 20 + 2
    assert conductor.is_finished()
    assert play(conductor_of(tmp_path, spec)) == []


@pytest.mark.parametrize("num_concurrent", [1, 3, 8])
def test_whether_an_arm_is_given_up_depends_on_no_number_of_slots(tmp_path, num_concurrent) -> None:
    """Five trials of its round fail, and the others find a choice."""
    conductor = conductor_of(tmp_path, study(arms={"ID": {}}, budget={"trials": 8, "parallel": 8}))
    asked = [entry.trial_id for entry in conductor.manifest.arms[0].search]
    queue = []
    while True:
        while len(queue) < num_concurrent and (job := conductor.next_job()) is not None:
            queue.append(job)
        if not queue:
            break
        job = queue.pop(0)
        is_broken = job.trial_id in asked[:MAX_FAILURES]
        conductor.finish(end(job, TrialStatus.FAILED if is_broken else TrialStatus.COMPLETED))
    (entry,) = conductor.manifest.arms
    assert entry.locked.trial_id in asked[MAX_FAILURES:]
    assert {*entry.trial_ids} == Ledger(tmp_path).read_all().keys()


def test_an_arm_whose_final_trials_all_fail_is_given_up_too(tmp_path) -> None:
    spec = study(search={}, seeds=list(range(9)))
    conductor = conductor_of(tmp_path, spec)
    jobs = play(conductor, num_concurrent=1, fail={"wide"})
    assert sum(job.arm == "wide" for job in jobs) == MAX_FAILURES
    assert sum(job.arm == "ID" for job in jobs) == 9
    assert conductor.is_finished()
    assert [s.arm.name for s in conductor.arms if conductor.plan(s).is_given_up] == ["wide"]


def test_failed_trials_are_run_again_only_on_request(tmp_path) -> None:
    play(conductor_of(tmp_path), fail={"wide"})
    assert play(conductor_of(tmp_path)) == []
    jobs = play(conductor_of(tmp_path, retry_failed=True))
    assert [job.arm for job in jobs] == ["wide"] * (3 + 2)
    assert Ledger(tmp_path).read_manifest().orphaned == ()


def test_only_the_named_arms_run(tmp_path) -> None:
    jobs = play(conductor_of(tmp_path, only=("ID",)))
    assert {job.arm for job in jobs} == {"ID"}


def test_inactive_arms_keep_their_entries_and_their_data_is_not_asked_for(tmp_path) -> None:
    play(conductor_of(tmp_path))
    before = {entry.name: entry for entry in Ledger(tmp_path).read_manifest().arms}

    def only_new(config):
        assert config.model.num_blocks == 3
        return {"data": "d0"}

    arms = STUDY["arms"] | {"new": {"set": {"model.num_blocks": 3}}}
    conductor = conductor_of(tmp_path, study(arms=arms), only=("new",), sources=only_new)
    play(conductor)
    after = {entry.name: entry for entry in conductor.manifest.arms}
    assert list(after) == ["ID", "wide", "fixed", "new"]
    assert {name: after[name] for name in before} == before
    assert len(after["new"].final) == 2
    assert conductor.manifest.orphaned == ()


def test_an_inactive_arm_that_was_edited_begins_anew(tmp_path) -> None:
    play(conductor_of(tmp_path))
    arms = STUDY["arms"] | {"wide": {"set": {"model.dim": 64}}}
    conductor = conductor_of(tmp_path, study(arms=arms), only=("ID",))
    entries = {entry.name: entry for entry in conductor.manifest.arms}
    assert (entries["wide"].search, entries["wide"].final) == ((), ())
    assert entries["wide"].config.model.dim == 64


def test_arms_on_several_data_sets_are_entered_with_their_data_set(tmp_path) -> None:
    data = {"kind": "synthetic"}
    datasets = {"a": {"set": {"dataset": data}}, "b": {"set": {"dataset": data | {"seed": 1}}}}
    conductor = conductor_of(tmp_path, study(datasets=datasets))
    play(conductor)
    assert [(entry.name, entry.dataset) for entry in conductor.manifest.arms] == [
        (f"{label}/{arm}", label) for label in datasets for arm in STUDY["arms"]
    ]
    assert all(len(entry.final) == 2 for entry in conductor.manifest.arms)


def test_a_trial_that_always_loses_its_process_has_failed_with_its_reason_and_epochs(
    tmp_path,
) -> None:
    conductor = conductor_of(tmp_path)
    jobs = []
    for _ in range(MAX_ATTEMPTS):
        jobs.append(job := conductor.next_job())
        conductor.report(job.trial_id, curve(job.config)[:2], COST)
        assert Ledger(tmp_path).read(job.trial_id) is None
        conductor.lose(job.trial_id, Reason.PROCESS_LOST, "killed by signal 9")
    assert jobs == [job] * MAX_ATTEMPTS
    record = Ledger(tmp_path).read(job.trial_id)
    assert (record.status, record.error) == (TrialStatus.FAILED, "killed by signal 9")
    assert record.reason is Reason.PROCESS_LOST
    assert record.code == code_version()
    assert len(record.epochs) == 2
    assert record.best_score() is None


def test_a_trial_that_loses_its_process_once_leaves_the_same_record(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    job = conductor.next_job()
    folder = conductor.checkpoints.of(job.trial_id).path.parent
    folder.mkdir(parents=True)
    conductor.lose(job.trial_id, Reason.PROCESS_LOST, "killed by signal 9")
    assert folder.exists()
    assert job.trial_id not in Ledger(tmp_path).read_manifest().running
    play(conductor)
    assert Ledger(tmp_path).read(job.trial_id) == end(job)


@pytest.mark.parametrize(
    ("reason", "attempts"),
    [
        (Reason.HOST_MEMORY, MAX_ATTEMPTS),
        (Reason.DEVICE_MEMORY, 1),
        (Reason.EXCEPTION, 1),
        (Reason.DIVERGED, 1),
    ],
)
def test_a_failed_trial_runs_again_only_where_that_can_help(tmp_path, reason, attempts) -> None:
    conductor = conductor_of(tmp_path)
    for _ in range(attempts):
        job = conductor.next_job()
        assert Ledger(tmp_path).read(job.trial_id) is None
        conductor.finish(end(job, TrialStatus.FAILED).model_copy(update={"reason": reason}))
    assert Ledger(tmp_path).read(job.trial_id).reason is reason
    assert job.trial_id not in {each.trial_id for each in conductor.running.values()}


def test_the_last_lines_of_a_process_that_died_are_in_its_record(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    for _ in range(MAX_ATTEMPTS):
        job = conductor.next_job()
        folder = conductor.checkpoints.of(job.trial_id).path.parent
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log0.txt").write_text("epoch 3\nterminate called without an exception\n")
        conductor.lose(job.trial_id, Reason.PROCESS_LOST, "gone")
    log_tail = Ledger(tmp_path).read(job.trial_id).log_tail
    assert log_tail == "epoch 3\nterminate called without an exception"


def test_a_trial_that_hangs_fails_without_another_attempt_and_says_where(tmp_path) -> None:
    conductor = conductor_of(tmp_path, study(resources={"silence_minutes": 5}))
    job = conductor.next_job()
    folder = conductor.checkpoints.of(job.trial_id).path.parent
    folder.mkdir(parents=True)
    (folder / "hang.txt").write_text("Timeout (0:05:00)!\n  File loader.py, line 3 in read\n")
    conductor.lose(job.trial_id, Reason.PROCESS_LOST, "the trial's process was lost")
    record = Ledger(tmp_path).read(job.trial_id)
    assert (record.status, record.reason) == (TrialStatus.FAILED, Reason.HUNG)
    assert record.error.startswith("no epoch ended within 5 minutes; it hung here:\nTimeout")
    assert record.error.endswith("line 3 in read")


def test_a_pruned_trial_is_recorded_with_what_it_cost_and_never_locked(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    job = conductor.next_job()
    conductor.report(job.trial_id, curve(job.config)[:1], COST)
    conductor.prune(job.trial_id)
    record = Ledger(tmp_path).read(job.trial_id)
    assert (record.status, record.cost, record.test) == (TrialStatus.PRUNED, COST, None)
    play(conductor)
    assert job.trial_id not in {entry.locked.trial_id for entry in conductor.manifest.arms}


def test_a_trial_that_went_on_before_it_could_be_stopped_is_recorded_as_if_it_had_not(
    tmp_path,
) -> None:
    """Its driver ended between a report and its answer; the trial trained one more epoch."""
    spec = study(arms={"ID": {}}, scheduler="median", budget={"trials": 9})
    records = []
    for name, steps in (("heard", (1, 2, 3, 4)), ("cut", (4,))):
        conductor = conductor_of(tmp_path / name, spec)
        while (job := conductor.next_job()) is not None and job.role == "search":
            epochs = curve(job.config)
            if any(conductor.report(job.trial_id, epochs[:end], COST) for end in steps):
                conductor.prune(job.trial_id)
            else:
                conductor.finish(end(job))
        records.append({i: (r.status, r.epochs) for i, r in conductor.results.items()})
    assert records[0] == records[1]
    assert TrialStatus.PRUNED in {status for status, _ in records[0].values()}


@pytest.mark.parametrize("keep", [False, True])
def test_checkpoints_go_when_a_trial_ends_unless_the_study_keeps_them(tmp_path, keep) -> None:
    conductor = conductor_of(tmp_path, study(keep_checkpoints=keep))
    job = conductor.next_job()
    folder = conductor.checkpoints.of(job.trial_id).path.parent
    folder.mkdir(parents=True)
    conductor.finish(end(job))
    assert folder.exists() == keep


def checkpoint(conductor, trial_id: str, num_bytes: int, age_s: int) -> Path:
    folder = conductor.checkpoints.of(trial_id).path.parent
    folder.mkdir(parents=True)
    (folder / "last.pt").write_bytes(bytes(num_bytes))
    then = time.time() - age_s
    os.utime(folder, (then, then))
    return folder


def test_checkpoints_of_dropped_trials_stay_while_they_fit_and_the_oldest_go_first(
    tmp_path,
) -> None:
    spec = study(checkpoints_gb=2e-6)
    conductor = conductor_of(tmp_path, spec)
    going_on = checkpoint(conductor, conductor.next_job().trial_id, 5000, age_s=9)
    dropped = [checkpoint(conductor, f"dropped{age}", 900, age) for age in (1, 2, 3)]
    again = conductor_of(tmp_path, spec)
    assert [folder.exists() for folder in (going_on, *dropped)] == [True, True, True, False]
    play(again)
    assert [folder.exists() for folder in (going_on, *dropped)] == [False, True, True, False]


def test_kept_checkpoints_stay_within_their_bound(tmp_path) -> None:
    conductor = conductor_of(tmp_path, study(keep_checkpoints=True, checkpoints_gb=2e-6))
    folders = []
    for age in (5, 4, 3):
        job = conductor.next_job()
        folders.append(checkpoint(conductor, job.trial_id, 900, age))
        conductor.finish(end(job))
    assert [folder.exists() for folder in folders] == [False, True, True]


def test_a_checkpoint_left_by_a_kill_after_its_record_goes_with_the_next_start(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    job = conductor.next_job()
    conductor.finish(end(job))
    folder = checkpoint(conductor, job.trial_id, 10, age_s=1)
    conductor_of(tmp_path)
    assert not folder.exists()


def test_checkpoints_in_a_storage_go_from_there_when_their_trial_ends(tmp_path) -> None:
    storage = Storage((tmp_path / "all nodes see").as_uri())
    conductor = conductor_of(tmp_path / "out", storage=storage)
    first, second = conductor.next_job(), conductor.next_job()
    for job in (first, second):
        conductor.checkpoints.of(job.trial_id).save({"epoch": 1})
    conductor.finish(end(first))
    assert set(storage.sizes()) == {f"checkpoints/{second.trial_id}/last.pt"}


def test_arms_that_lock_the_same_configuration_share_its_trials(tmp_path) -> None:
    arms = {
        "a": {"set": {"optim.lr": 0.01}, "search": {"model.num_blocks": {"choice": [2]}}},
        "b": {"set": {"optim.lr": 0.01, "model.num_blocks": 3},
              "search": {"model.num_blocks": {"choice": [2]}}},
    }  # fmt: skip
    arms["a"].pop("search")
    spec = study(arms=arms, search={}, baseline="a")
    conductor = conductor_of(tmp_path, spec)
    jobs = play(conductor)
    assert len({job.trial_id for job in jobs}) == len(jobs)
    entries = {entry.name: entry for entry in conductor.manifest.arms}
    assert entries["a"].final == entries["b"].final


def test_arms_that_train_an_encoder_start_first_and_others_in_the_file_s_order(tmp_path) -> None:
    text = {"name": "tiny-random", "pretrained": False}
    arms = {
        "ID": {},
        "TS": {"set": {"item": {"id": False, "text": text}}},
        "E2E": {"set": {"item": {"id": False, "text": text | {"trainable_layers": "all"}}}},
    }
    conductor = conductor_of(tmp_path, study(arms=arms))
    assert [conductor.next_job().arm for _ in arms] == ["E2E", "ID", "TS"]


def test_a_spent_time_budget_starts_nothing_more(tmp_path, monkeypatch) -> None:
    seconds = 100.0
    monkeypatch.setattr("tune_space.schedule.manifest_writer.monotonic", lambda: seconds)
    conductor = conductor_of(tmp_path, study(budget={"trials": 3, "hours": 2}))
    seconds += 2 * 3600
    assert not conductor.is_out_of_time()
    job = conductor.next_job()
    assert job is not None
    seconds += 1
    assert conductor.is_out_of_time()
    assert conductor.next_job() is None
    assert conductor.manifest.elapsed_s == 2 * 3600
    conductor.finish(end(job))
    assert conductor.is_finished()
    assert not conductor.is_complete()


def test_what_may_start_is_counted_whether_or_not_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr("tune_space.schedule.manifest_writer.monotonic", lambda: seconds)
    conductor = conductor_of(tmp_path, study(budget={"trials": 2, "parallel": 2, "hours": 1}))
    num_searching = sum(bool(state.arm.space) for state in conductor.arms)
    others = len(conductor.arms) - num_searching
    most = 2 * num_searching + others * len(conductor.study.seeds)
    assert conductor.num_startable() == most
    assert conductor.next_job(lambda job: False) is None
    assert conductor.num_startable() == most
    assert conductor.next_job() is not None
    assert conductor.num_startable() == most - 1
    seconds = 3601.0
    assert conductor.num_startable() == 0
    assert not conductor.is_complete()
