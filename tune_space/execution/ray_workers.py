"""Processes for trials on this machine: started before a trial asks, and kept for the next one.

Seen with Ray 2.60. Ray starts a process per core together with its servers. Ray Tune's trials use
none of them, since each asks for environment variables of its own: they start others. Of processes
whose trials have ended Ray Tune keeps one for later trials. A process takes seconds of a core to
start and to import.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from ray._private import services
from ray.tune.execution import class_cache, tune_controller
from ray.tune.utils.object_cache import _ObjectCache

from tune_space.execution.ray_limits import flagged

IDLE_MS = "RAY_idle_worker_killing_time_threshold_ms"
"""How long a process may be idle while no core is free. Ray Tune reserves a trial's core, and asks
for its process later: after Ray's 1000 ms the process may be gone."""
PATIENT_MS = "60000"
VARIABLES: Mapping[str, Any] = {"DEFAULT_ENV_VARS": {}, "ENV_VARS_TO_PROPAGATE": frozenset()}
"""What Ray Tune asks of a trial's process, by its names for it."""


@contextmanager
def started_ahead(num: int) -> Iterator[None]:
    """Start a session on this machine with ``num`` processes for trials, and no others.

    A Ray that has other parts starts one per core.
    """
    if not hasattr(services, "start_ray_process"):
        yield
        return
    flag = f"--num_prestart_python_workers={num}"
    with (
        patch.dict(os.environ, {IDLE_MS: os.environ.get(IDLE_MS, PATIENT_MS)}),
        patch.object(services, "start_ray_process", flagged(services.start_ray_process, flag)),
    ):
        yield


@contextmanager
def used_by_trials(num_idle: Callable[[], int], *, is_local: bool) -> Iterator[None]:
    """Let trials use processes that were started ahead, and those of trials that have ended.

    ``num_idle`` says how many processes may wait for their next trial now. Processes of this
    machine's session have the environment of the process that started it. With a Ray that has
    other parts, trials start processes of their own.
    """
    with ExitStack() as changed:
        if is_local and all(hasattr(class_cache, name) for name in VARIABLES):
            for name, value in VARIABLES.items():
                changed.enter_context(patch.object(class_cache, name, value))
        if hasattr(tune_controller, "_ObjectCache"):
            changed.enter_context(
                patch.object(tune_controller, "_ObjectCache", partial(Kept, num_idle))
            )
        yield


class Kept(_ObjectCache):  # type: ignore[misc]
    """Keeps idle processes until the study ends: all its trials need the same resources."""

    def __init__(self, num_idle: Callable[[], int], may_keep_one: bool = True) -> None:
        """Take how many may be idle now, and what Ray Tune gives its own."""
        super().__init__(may_keep_one=may_keep_one)
        self._num_idle = num_idle

    def cache_object(self, key: Any, obj: Any) -> bool:
        """Keep one more."""
        self._cached_objects[key].append(obj)
        self._num_cached_objects += 1
        return True

    def flush_cached_objects(self, force_all: bool = False) -> Iterator[Any]:
        """Those to end: all at the end, before it those that are too many, oldest first."""
        if not self._num_cached_objects:
            return
        num_kept = 0 if force_all else self._num_idle()
        for objects in self._cached_objects.values():
            while objects and self._num_cached_objects > num_kept:
                self._num_cached_objects -= 1
                yield objects.pop(0)
