"""For all tests: an environment without anybody's settings, no network, fixed seeds."""

import os
import random

import numpy as np
import pytest
from hypothesis import settings

FOREIGN = ("RAY_", "TUNE_", "HF_", "TRANSFORMERS_", "TORCH_", "CUBLAS_")
"""Prefixes of variables that would change what is tested."""

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure() -> None:
    """Clean the environment before any library reads it; processes that tests start inherit it."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)
