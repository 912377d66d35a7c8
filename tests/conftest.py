"""For all tests: an environment without anybody's settings, no network, fixed seeds."""

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

from tests.s3 import CREDENTIALS, S3, running_s3

FOREIGN = ("RAY_", "TUNE_", "HF_", "TRANSFORMERS_", "TORCH_", "CUBLAS_", "AWS_")
"""Prefixes of variables that would change what is tested."""

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure() -> None:
    """Clean the environment before any library reads it; processes that tests start inherit it."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **CREDENTIALS}


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """One S3 server for all tests that need one."""
    with running_s3() as server:
        yield server
