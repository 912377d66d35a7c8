"""Keeps Ray Tune from importing every tracker there is, to count which of them a run uses.

Seen with Ray 2.60. The count is for Ray's usage statistics, whose server does not run here. Where
mlflow and wandb are installed, their import takes up to a second of a core before the first trial.
Studies are sent to trackers by a process of its own (``reports.live_trackers``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from ray.air._internal import usage


@contextmanager
def uncounted_callbacks() -> Iterator[None]:
    """Run Ray Tune without the count; a Ray that has other parts counts."""
    if not hasattr(usage, "tag_callbacks"):
        yield
        return
    with patch.object(usage, "tag_callbacks", _count_nothing):
        yield


def _count_nothing(callbacks: object) -> bool:
    """What Ray's function returns where there is nothing to count."""
    return False
