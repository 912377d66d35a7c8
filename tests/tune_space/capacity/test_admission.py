"""How many trials run concurrently; the number changes when a trial runs and nothing else."""

from pathlib import Path

import pytest

from morec.config import TrialConfig
from morec.results import Reason
from tests.tune_space.made_up_trials import conductor_of, end, outcome, play, study
from tune_space.capacity.admission import (
    MemoryAdmission,
    Slots,
    format_concurrency,
    machine_capacity,
    num_concurrent,
)
from tune_space.capacity.trial_memory import PROCESS_BYTES, MemoryEstimates
from tune_space.schedule.conductor import Conductor
from tune_space.study.expand import expand
from tune_space.study.spec import ResourcesSpec

GB = 10**9
ONE = ResourcesSpec()


def admission_of(conductor: Conductor, total: int, sizes: dict[str, int]) -> MemoryAdmission:
    """Arms take what ``sizes`` says, whatever their made-up records say.

    The arms ID and fixed have one shape, and so one size."""
    estimates = MemoryEstimates({}, lambda arm, config: sizes[arm])
    return MemoryAdmission(total, estimates, ONE, conductor.failures)


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
def test_processors_allow_whole_trials_only(resources, num_cpus, num_gpus, expected) -> None:
    assert Slots.of(resources, num_cpus, num_gpus) == expected


def test_the_scarcer_of_cpus_and_gpus_counts() -> None:
    assert (Slots(4, None).num, Slots(4, 2).num, Slots(1, 2).num) == (4, 2, 1)


def test_a_machine_counts_one_gpu_where_it_has_none_and_slots_for_one_trial(monkeypatch) -> None:
    monkeypatch.setattr("tune_space.capacity.admission.num_cpus", lambda: 9)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert machine_capacity(ResourcesSpec(workers=2, cpus=2)).slots == Slots(2, None)
    assert machine_capacity(ResourcesSpec(cpus=10, gpus=0.5)).slots == Slots(1, 2)
    assert machine_capacity(ResourcesSpec(workers=4, gpus=1)).slots == Slots(2, 1)


def test_a_trial_starts_if_all_fit_and_a_trial_alone_starts_always(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    admission = admission_of(conductor, 11, {"ID": 4, "wide": 7})
    first, second, third = (conductor.next_job() for _ in range(3))
    assert [job.arm for job in (first, second, third)] == ["ID", "wide", "fixed"]
    assert admission.fits(second, [first])
    assert not admission.fits(third, [first, second])
    assert not admission_of(conductor, 10, {"ID": 4, "wide": 7}).fits(second, [first])
    assert admission_of(conductor, 1, {"ID": 4}).fits(first, [])


def test_processes_wait_for_a_trial_while_they_fit_beside_the_running_ones(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    first = conductor.next_job()
    admission = admission_of(conductor, 10 * PROCESS_BYTES, {"ID": 3 * PROCESS_BYTES})
    assert admission.num_idle([]) == 10
    assert admission.num_idle([first]) == 7
    assert admission.num_idle([first] * 4) == 1


def test_every_worker_of_a_trial_needs_memory(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    first, second = conductor.next_job(), conductor.next_job()
    estimates = MemoryEstimates({}, lambda arm, config: 4)
    assert MemoryAdmission(8, estimates, ONE).fits(second, [first])
    assert not MemoryAdmission(15, estimates, ResourcesSpec(workers=2)).fits(second, [first])


def test_a_trial_that_lost_its_process_counts_double(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    admission = admission_of(conductor, 11, {"ID": 4, "wide": 4})
    first, second = conductor.next_job(), conductor.next_job()
    assert admission.fits(first, [second])
    conductor.lose(first.trial_id, Reason.PROCESS_LOST, "killed")
    assert not admission.fits(first, [second])
    assert admission.fits(first, [])


def test_a_small_trial_goes_ahead_of_one_that_does_not_fit(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    admission = admission_of(conductor, 10, {"ID": 4, "wide": 7})
    running = conductor.running

    def started() -> str | None:
        job = conductor.next_job(lambda job: admission.fits(job, running.values()))
        return job and job.arm

    assert [started() for _ in range(3)] == ["ID", "fixed", None]
    for job in list(running.values()):
        conductor.finish(end(job))
    assert started() == "ID"


@pytest.mark.parametrize("total", [1, 9, 12, 100])
def test_the_amount_of_memory_changes_no_trial_and_no_choice(tmp_path: Path, total: int) -> None:
    play(conductor_of(tmp_path / "plenty"), num_concurrent=3)
    conductor = conductor_of(tmp_path / "scarce")
    sizes = {"ID": 4, "wide": 7, "fixed": 4}
    admission = admission_of(conductor, total, sizes)
    running = conductor.running
    while not conductor.is_finished():
        while conductor.next_job(lambda job: admission.fits(job, running.values())):
            pass
        used = sum(sizes[job.arm] for job in running.values())
        assert len(running) == 1 or used <= total
        conductor.finish(end(next(iter(running.values()))))
    assert outcome(tmp_path / "scarce") == outcome(tmp_path / "plenty")


def test_the_number_of_concurrent_trials_is_printed_with_its_reasons() -> None:
    arms = expand(study())
    sizes = {"ID": 1 * GB, "wide": 4 * GB, "fixed": 1 * GB}

    def estimate(arm: str, config: TrialConfig) -> int:
        return sizes[arm]

    admission = MemoryAdmission(10 * GB, MemoryEstimates({}, estimate), ONE)
    assert format_concurrency(Slots(8, None), admission, arms) == (
        "5 concurrent: CPUs allow 8, memory 2 to 10 (1.0 to 4.0 GB each of 10.0 GB, estimated)"
    )
    assert format_concurrency(Slots(8, 4), admission, arms[:1]) == (
        "4 concurrent: CPUs allow 8, GPUs 4, memory 10 (1.0 GB each of 10.0 GB, estimated)"
    )
    assert (
        num_concurrent(
            Slots(8, None), MemoryAdmission(GB, MemoryEstimates({}, estimate), ONE), arms
        )
        == 1
    )


def test_measured_memory_is_called_measured(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    play(conductor)
    estimates = MemoryEstimates(conductor.results, lambda arm, config: 10**12)
    arms = [state.arm for state in conductor.arms]
    said = format_concurrency(Slots(2, None), MemoryAdmission(GB, estimates, ONE), arms)
    assert said.startswith("2 concurrent: CPUs allow 2, memory 1,000,000,000 (0.0 GB each")
    assert said.endswith("of 1.0 GB, measured)")
