"""The ``Reason`` of a failed trial, from its exception or from what Ray says of its process."""

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
"""Raised by Python and numpy, and by Ray when it ends a process because memory runs out."""
ALLOCATOR_MESSAGES = ("can't allocate memory", "not enough memory", "Cannot allocate memory")
"""Parts of the ``RuntimeError`` of torch's allocator on the CPU."""
KILLED_FOR_MEMORY = "running low on memory"
"""Part of Ray's message about a process that it ended because memory ran out."""
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""No space, over quota, read-only file system, file larger than allowed."""


def reason_of(error: BaseException) -> Reason:
    """The reason that an exception, or any exception behind it, shows."""
    causes = list(_causes(error))
    if any(isinstance(each, torch.OutOfMemoryError) for each in causes):
        return Reason.DEVICE_MEMORY
    if any(isinstance(each, NO_HOST_MEMORY) or _is_failed_allocation(each) for each in causes):
        return Reason.HOST_MEMORY
    if any(isinstance(each, OSError) and each.errno in DISK_ERRORS for each in causes):
        return Reason.NO_DISK
    if any(isinstance(each, LOST) for each in causes):
        return Reason.PROCESS_LOST
    return Reason.EXCEPTION


def reason_of_loss(message: str) -> Reason:
    """The reason that Ray's message about a lost process shows."""
    return Reason.HOST_MEMORY if KILLED_FOR_MEMORY in message else Reason.PROCESS_LOST


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and all that caused it, also inside Ray's own exceptions."""
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


def _is_failed_allocation(error: BaseException) -> bool:
    is_torch = isinstance(error, RuntimeError | OSError)
    return is_torch and any(words in str(error) for words in ALLOCATOR_MESSAGES)
