"""What kind of failure an exception of a trial, or of the process that ran it, is."""

import errno
from collections.abc import Iterator

import ray.exceptions
import torch
from ray.train import ControllerError, WorkerGroupError

from morec.results import Reason

LOST = (
    ray.exceptions.RayActorError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.LocalRayletDiedError,
    ray.exceptions.OwnerDiedError,
)
NO_HOST_MEMORY = (MemoryError, ray.exceptions.OutOfMemoryError)
"""Python's and numpy's, and Ray's when it ends a process because its machine runs full."""
NO_ROOM = ("can't allocate memory", "not enough memory", "Cannot allocate memory")
"""What torch's allocator on the CPU says in its ``RuntimeError``."""
KILLED_FOR_MEMORY = "running low on memory"
"""What Ray says of a process that it ended because its machine ran full."""
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""No space, over quota, read-only, larger than allowed."""


def reason_of(error: BaseException) -> Reason:
    """Classify an exception by itself and by everything it was caused by."""
    causes = list(_causes(error))
    if any(isinstance(each, torch.OutOfMemoryError) for each in causes):
        return Reason.DEVICE_MEMORY
    if any(isinstance(each, NO_HOST_MEMORY) or _is_no_room(each) for each in causes):
        return Reason.HOST_MEMORY
    if any(isinstance(each, OSError) and each.errno in REFUSED for each in causes):
        return Reason.NO_DISK
    if any(isinstance(each, LOST) for each in causes):
        return Reason.PROCESS_LOST
    return Reason.EXCEPTION


def reason_of_loss(told: str) -> Reason:
    """Classify the end of a process by what Ray tells of it."""
    return Reason.HOST_MEMORY if KILLED_FOR_MEMORY in told else Reason.PROCESS_LOST


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    if error is None:
        return
    yield error
    inner = [error.__cause__, error.__context__, getattr(error, "cause", None)]
    if isinstance(error, WorkerGroupError):
        inner += error.worker_failures.values()
    if isinstance(error, ControllerError):
        inner.append(error.controller_failure)
    for each in inner:
        if isinstance(each, BaseException) and each is not error:
            yield from _causes(each)


def _is_no_room(error: BaseException) -> bool:
    is_torch = isinstance(error, RuntimeError | OSError)
    return is_torch and any(words in str(error) for words in NO_ROOM)
