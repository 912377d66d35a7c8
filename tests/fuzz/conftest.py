"""Checks that the inputs of a fuzz test file together add little memory."""

import gc
import resource
from collections.abc import Iterator

import pytest

from tests.fuzz.mutations import MAX_GROWTH_MB


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    gc.collect()
    before = _peak_mb()
    yield
    assert _peak_mb() - before < MAX_GROWTH_MB
