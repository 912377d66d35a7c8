"""Every way a trial fails has its reason; errors are the libraries' own."""

import numpy as np
import pytest
import ray.exceptions
import torch
from ray.train import ControllerError, WorkerGroupError

from morec.errors import DataError
from morec.results import Reason
from tune_space.execution.failures import reason_of, reason_of_loss

TOO_MUCH = 1 << 60


def raised(act) -> Exception:
    with pytest.raises(Exception) as caught:
        act()
    return caught.value


@pytest.mark.parametrize(
    "ask",
    [lambda: torch.empty(TOO_MUCH), lambda: np.ones(TOO_MUCH, "i1"), lambda: bytearray(TOO_MUCH)],
    ids=["torch", "numpy", "python"],
)
def test_memory_that_the_machine_does_not_have(ask) -> None:
    assert reason_of(raised(ask)) is Reason.HOST_MEMORY


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
         Reason.DEVICE_MEMORY),
        (ray.exceptions.OutOfMemoryError("Task was killed due to the node running low on memory"),
         Reason.HOST_MEMORY),
        (ray.exceptions.ActorDiedError(), Reason.PROCESS_LOST),
        (ray.exceptions.WorkerCrashedError(), Reason.PROCESS_LOST),
        (OSError(28, "No space left on device"), Reason.NO_DISK),
        (FileNotFoundError(2, "No such file"), Reason.EXCEPTION),
        (DataError("no negative is left"), Reason.EXCEPTION),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), Reason.EXCEPTION),
    ],
)  # fmt: skip
def test_what_libraries_raise_alone_and_inside_a_worker_group(error, reason) -> None:
    assert reason_of(error) is reason
    assert reason_of(WorkerGroupError("worker 1 failed", {1: error})) is reason
    assert reason_of(ControllerError(error)) is reason
    outer = ValueError("around it")
    outer.__cause__ = error
    assert reason_of(outer) is reason


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            "1 worker(s) were killed due to the node running low on memory. Memory on the node",
            Reason.HOST_MEMORY,
        ),
        (
            "The actor is dead because its worker process has died. Some common causes include: "
            "(1) the process was killed by the OOM killer due to high memory usage",
            Reason.PROCESS_LOST,
        ),
    ],
)
def test_what_ray_2_60_tells_of_a_lost_process(told, reason) -> None:
    assert reason_of_loss(told) is reason
