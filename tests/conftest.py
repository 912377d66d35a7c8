"""For all tests: an environment without anybody's settings, no network, fixed seeds."""

import os
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.s3 import CREDENTIALS, S3, running_s3

FOREIGN = ("RAY_", "TUNE_", "HF_", "TRANSFORMERS_", "TORCH_", "CUBLAS_", "AWS_")
"""Prefixes of variables that would change what is tested."""

INTEGRATION = "tests/integration/"

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure() -> None:
    """Clean the environment before any library reads it; processes that tests start inherit it."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **CREDENTIALS}


class ByFile(LoadScopeScheduling):
    """With ``-n`` a file's tests share a process, and so do all tests that start Ray sessions.

    Those wait most of the time, and each of their studies takes all cores: two at once would only
    make both slow enough to fail. The marks of ``--dist=loadgroup`` do nothing with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return INTEGRATION if file.startswith(INTEGRATION) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """What shares a process where tests run in several."""
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """One S3 server for all tests that need one."""
    with running_s3() as server:
        yield server
