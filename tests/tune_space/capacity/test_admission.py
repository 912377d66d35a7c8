"""How many trials run beside each other, and that this changes nothing but when they run."""

from pathlib import Path

import pytest

from morec.config import TrialConfig
from morec.results import Reason
from tests.tune_space.made_up_trials import conductor_of, end, outcome, play, study
from tune_space.capacity.admission import (
    Room,
    Slots,
    format_concurrency,
    num_concurrent,
    planned_slots,
)
from tune_space.capacity.trial_memory import MemoryEstimates
from tune_space.schedule.conductor import Conductor
from tune_space.study.expand import expand
from tune_space.study.spec import ResourcesSpec

GB = 10**9
ONE = ResourcesSpec()


def room_of(conductor: Conductor, total: int, sizes: dict[str, int]) -> Room:
    """Room in which arms need what ``sizes`` says, whatever their made-up records do.

    The arms ID and fixed have one shape, and so one need."""
    return Room(total, MemoryEstimates({}, lambda arm, config: sizes[arm]), ONE, conductor.failures)


@pytest.mark.parametrize(
    ("resources", "num_cpus", "num_gpus", "expected"),
    [
        (ResourcesSpec(), 8, 0, Slots(8, None)),
        (ResourcesSpec(workers=2, cpus=2), 9, 0, Slots(2, None)),
        (ResourcesSpec(gpus=0.25), 16, 1, Slots(16, 4)),
        (ResourcesSpec(gpus=1 / 3), 16, 2, Slots(16, 6)),
        (ResourcesSpec(gpus=0.1), 16, 1, Slots(16, 10)),
        (ResourcesSpec(gpus=0.6), 16, 2, Slots(16, 2)),
        (ResourcesSpec(gpus=0.5, workers=3), 16, 4, Slots(5, 2)),
        (ResourcesSpec(gpus=1, cpus=4), 6, 8, Slots(1, 8)),
        (ResourcesSpec(gpus=1), 2, 0, Slots(2, 0)),
    ],
)
def test_processors_hold_whole_trials(resources, num_cpus, num_gpus, expected) -> None:
    assert Slots.of(resources, num_cpus, num_gpus) == expected


def test_the_scarcer_of_cpus_and_gpus_counts() -> None:
    assert (Slots(4, None).num, Slots(4, 2).num, Slots(1, 2).num) == (4, 2, 1)


def test_a_plan_assumes_a_gpu_where_there_is_none_and_room_for_one_trial(monkeypatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 9)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert planned_slots(ResourcesSpec(workers=2, cpus=2)) == Slots(2, None)
    assert planned_slots(ResourcesSpec(cpus=10, gpus=0.5)) == Slots(1, 2)
    assert planned_slots(ResourcesSpec(workers=4, gpus=1)) == Slots(2, 1)


def test_a_trial_starts_while_all_fit_and_alone_whatever_it_needs(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    room = room_of(conductor, 11, {"ID": 4, "wide": 7})
    first, second, third = (conductor.next_job() for _ in range(3))
    assert [job.arm for job in (first, second, third)] == ["ID", "wide", "fixed"]
    assert room.fits(second, [first])
    assert not room.fits(third, [first, second])
    assert not room_of(conductor, 10, {"ID": 4, "wide": 7}).fits(second, [first])
    assert room_of(conductor, 1, {"ID": 4}).fits(first, [])


def test_a_trial_needs_memory_for_each_of_its_workers(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    first, second = conductor.next_job(), conductor.next_job()
    needs = MemoryEstimates({}, lambda arm, config: 4)
    assert Room(8, needs, ONE).fits(second, [first])
    assert not Room(15, needs, ResourcesSpec(workers=2)).fits(second, [first])


def test_a_trial_that_lost_its_process_counts_twice_what_it_did(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    room = room_of(conductor, 11, {"ID": 4, "wide": 4})
    first, second = conductor.next_job(), conductor.next_job()
    assert room.fits(first, [second])
    conductor.lose(first.trial_id, Reason.PROCESS_LOST, "killed")
    assert not room.fits(first, [second])
    assert room.fits(first, [])


def test_a_small_trial_goes_ahead_of_one_that_does_not_fit(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    room = room_of(conductor, 10, {"ID": 4, "wide": 7})
    running = conductor.running

    def started() -> str | None:
        job = conductor.next_job(lambda job: room.fits(job, running.values()))
        return job and job.arm

    assert [started() for _ in range(3)] == ["ID", "fixed", None]
    for job in list(running.values()):
        conductor.finish(end(job))
    assert started() == "ID"


@pytest.mark.parametrize("total", [1, 9, 12, 100])
def test_the_memory_there_is_changes_no_trial_and_no_choice(tmp_path: Path, total: int) -> None:
    play(conductor_of(tmp_path / "plenty"), num_concurrent=3)
    conductor = conductor_of(tmp_path / "scarce")
    sizes = {"ID": 4, "wide": 7, "fixed": 4}
    room = room_of(conductor, total, sizes)
    running = conductor.running
    while not conductor.is_finished():
        while conductor.next_job(lambda job: room.fits(job, running.values())):
            pass
        used = sum(sizes[job.arm] for job in running.values())
        assert len(running) == 1 or used <= total
        conductor.finish(end(next(iter(running.values()))))
    assert outcome(tmp_path / "scarce") == outcome(tmp_path / "plenty")


def test_what_runs_at_once_is_said_with_its_reasons() -> None:
    arms = expand(study())
    sizes = {"ID": 1 * GB, "wide": 4 * GB, "fixed": 1 * GB}

    def estimate(arm: str, config: TrialConfig) -> int:
        return sizes[arm]

    room = Room(10 * GB, MemoryEstimates({}, estimate), ONE)
    assert format_concurrency(Slots(8, None), room, arms) == (
        "5 concurrent: CPUs allow 8, memory 2 to 10 (1.0 to 4.0 GB each of 10.0 GB, estimated)"
    )
    assert format_concurrency(Slots(8, 4), room, arms[:1]) == (
        "4 concurrent: CPUs allow 8, GPUs 4, memory 10 (1.0 GB each of 10.0 GB, estimated)"
    )
    assert num_concurrent(Slots(8, None), Room(GB, MemoryEstimates({}, estimate), ONE), arms) == 1


def test_measured_needs_are_said_to_be(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    play(conductor)
    needs = MemoryEstimates(conductor.results, lambda arm, config: 10**12)
    arms = [state.arm for state in conductor.arms]
    said = format_concurrency(Slots(2, None), Room(GB, needs, ONE), arms)
    assert said.startswith("2 concurrent: CPUs allow 2, memory 1,000,000,000 (0.0 GB each")
    assert said.endswith("of 1.0 GB, measured)")
