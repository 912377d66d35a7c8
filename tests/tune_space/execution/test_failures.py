"""The reason of every kind of failure, from errors that the libraries themselves raise."""

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
    "allocate",
    [lambda: torch.empty(TOO_MUCH), lambda: np.ones(TOO_MUCH, "i1"), lambda: bytearray(TOO_MUCH)],
    ids=["torch", "numpy", "python"],
)
def test_an_allocation_that_fails_is_host_memory(allocate) -> None:
    assert reason_of(raised(allocate)) is Reason.HOST_MEMORY


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
def test_an_error_has_its_reason_alone_in_a_worker_group_and_as_a_cause(error, reason) -> None:
    assert reason_of(error) is reason
    assert reason_of(WorkerGroupError("worker 1 failed", {1: error})) is reason
    assert reason_of(ControllerError(error)) is reason
    outer = ValueError("around it")
    outer.__cause__ = error
    assert reason_of(outer) is reason


@pytest.mark.parametrize(
    ("message", "reason"),
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
def test_messages_of_ray_2_60_about_a_lost_process_have_their_reason(message, reason) -> None:
    assert reason_of_loss(message) is reason
