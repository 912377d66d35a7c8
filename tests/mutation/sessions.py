"""Runs a test file in a child, the quickest test first, until one fails."""

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Collection, Generator, Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests.mutation.changed_module import change, change_below
from tests.mutation.forked import Outcome, answer, forked
from tests.mutation.mutants import Mutant
from tests.mutation.targets import PACKAGES

NUM_EXAMPLES = 40
"""Inputs of a property test; one that fails is not made smaller."""
PROFILE = "mutants"
settings.register_profile(
    PROFILE,
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=NUM_EXAMPLES,
    phases=(Phase.explicit, Phase.generate),
)
# A slow machine is no reason to end a test: the CPU seconds are limited instead.
WITHOUT_CLOCK = ("-o", "faulthandler_timeout=0")
QUIET = ("-x", "-q", "--tb=line", "-p", "no:cacheprovider", f"--hypothesis-profile={PROFILE}")
# The parent has imported the plugins, and pytest would warn that it cannot rewrite them.
REWRITTEN = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def preload(names: Iterable[str]) -> None:
    """Import what is installed of these modules and pytest's plugins, before the first child."""
    plugins = [plugin.module for plugin in entry_points(group="pytest11")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("morec.torchvision_guard", *plugins, *names):
            # Some of what a library imports cannot be imported by its name.
            with contextlib.suppress(Exception):
                importlib.import_module(name)


class QuickestFirst:
    """A pytest plugin: orders tests by their CPU seconds, and tells the parent how far it is."""

    def __init__(self, seconds: Mapping[str, float], broken: Collection[str], folder: Path) -> None:
        self._known, self._broken, self._folder = seconds, broken, folder
        self.seconds: dict[str, float] = {}
        self.at = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Tests that fail without a change are not asked."""
        items[:] = sorted(
            (item for item in items if item.nodeid not in self._broken),
            key=lambda item: self._known.get(item.nodeid, 0.0),
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Measure a test with its children that have ended."""
        self.at = item.nodeid
        self.tell(passed=False)
        before = sum(os.times()[:4])
        result = yield
        self.seconds[item.nodeid] = sum(os.times()[:4]) - before
        return result

    def tell(self, *, passed: bool) -> None:
        """Say which test runs, what those before it took, and what has been imported."""
        names = [name for name in sys.modules if name.split(".")[0] not in PACKAGES]
        told = {"passed": passed, "at": self.at, "seconds": self.seconds, "imported": names}
        answer(self._folder, told)


def run_tests(
    file: str,
    mutant: Mutant | None,
    *,
    seconds: Mapping[str, float],
    broken: Collection[str],
    limit_s: float,
) -> Outcome:
    """Run a test file, or one test of it, in a child of ``limit_s`` CPU seconds.

    ``seconds`` are those of its tests, as far as they are known.
    """

    def work(folder: Path) -> None:
        if mutant is not None:
            change(str(Path.cwd()), mutant.path, mutant.source)
            change_below(folder, str(Path.cwd()), mutant.path, mutant.source)
        plugin = QuickestFirst(seconds, broken, folder)
        at = (f"--basetemp={folder / 'tests'}", file)
        code = pytest.main([*QUIET, *WITHOUT_CLOCK, *REWRITTEN, *at], plugins=[plugin])
        plugin.tell(passed=code in PASSED)

    return forked(work, limit_s)
