"""For all tests: an environment without anybody's settings, no network, fixed seeds."""

import gc
import os
import random
import sys
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
IN_ONE_SESSION = {
    "test_export.py",
    "test_late_fusion.py",
    "test_new.py",
    "test_orderings.py",
    "test_study.py",
    "test_study_of_earlier_code.py",
}
"""Files there whose studies run in the tests' own process; those of the others start commands."""

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure() -> None:
    """Clean the environment before any library reads it; processes that tests start inherit it."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **CREDENTIALS}


def pytest_collection_finish() -> None:
    """What is imported by now is never garbage: no later collection looks through it again."""
    gc.freeze()


class ByFile(LoadScopeScheduling):
    """With ``-n`` a file's tests share a process; those that start Ray sessions share two.

    Each of their studies takes all cores for a while and waits for a while: three at once would
    only make all slow enough to fail. The files of ``IN_ONE_SESSION`` share one process for its
    session. The marks of ``--dist=loadgroup`` do nothing with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith(INTEGRATION):
            return file
        return f"{INTEGRATION}{file.removeprefix(INTEGRATION) in IN_ONE_SESSION}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """What shares a process where tests run in several."""
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def one_thread_afterwards() -> Iterator[None]:
    """Take back the threads of a trial that a test has made again in this process.

    Where two tests share two cores, torch's second thread triples the time of all later tests.
    """
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """One S3 server for all tests that need one."""
    with running_s3() as server:
        yield server
