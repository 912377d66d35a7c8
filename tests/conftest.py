"""For all tests: an environment without anybody's settings, no network, fixed seeds."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tests.s3 import CREDENTIALS, S3, running_s3

FOREIGN = ("RAY_", "TUNE_", "HF_", "TRANSFORMERS_", "TORCH_", "CUBLAS_", "AWS_")
"""Prefixes of variables that would change what is tested."""

INTEGRATION = Path(__file__).parent / "integration"

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure() -> None:
    """Clean the environment before any library reads it; processes that tests start inherit it."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **CREDENTIALS}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With ``-n`` a file's tests share a process, and so do all tests that start Ray sessions.

    Those wait most of the time, and each of their studies takes all cores: two at once would only
    make both slow enough to fail.
    """
    for item in items:
        is_integration = item.path.is_relative_to(INTEGRATION)
        group = "integration" if is_integration else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """One S3 server for all tests that need one."""
    with running_s3() as server:
        yield server
