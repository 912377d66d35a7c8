"""What is frozen is computed once: where, and with which randomness."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

FROZEN_SEED = 0
"""Draws random layers that are frozen: one fixed extractor, the same in every trial of a study."""


@contextmanager
def frozen_randomness() -> Iterator[None]:
    """Draw from ``FROZEN_SEED`` inside, and leave the trial's own randomness as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(FROZEN_SEED)
        yield


def frozen_device() -> torch.device:
    """Frozen layers run on the GPU where this process sees one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
