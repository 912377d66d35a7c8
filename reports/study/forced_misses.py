"""Forced misses: test targets that no arm can find, since the user's masked history holds them."""

from dataclasses import dataclass

from morec.config import TrialConfig
from morec.results import Evaluation
from reports import formats
from reports.study.summary import StudySummary


@dataclass(frozen=True)
class ForcedMisses:
    """How many test targets of one data set no arm can find."""

    dataset: str
    num_targets: int
    num_users: int
    keeps_repeats: bool
    """Whether the data set's ``repeats: keep`` is what lets a target repeat the history."""

    @property
    def share(self) -> str:
        """Of the test users, in percent."""
        return formats.share(self.num_targets / self.num_users)

    @property
    def row(self) -> str:
        """What a row of an accuracy table has room for."""
        return (
            f"{self.dataset}: {self.share} of the test targets are forced misses "
            "(evaluation.mask_history)"
        )

    @property
    def sentence(self) -> str:
        """The share, what follows from it, and the cure."""
        most = formats.percent(1 - self.num_targets / self.num_users, 1)
        drop = ", and dataset.repeats: first drops them" if self.keeps_repeats else ""
        return (
            f"{self.dataset}: {self.num_targets:,} of {self.num_users:,} test targets "
            f"({self.share}) are forced misses. The user's history already holds the target, and "
            f"the history is masked. So every arm misses them at every k: no HR exceeds {most}%. "
            f"evaluation.mask_history: false ranks them{drop}."
        )


def forced_misses(part: StudySummary) -> ForcedMisses | None:
    """Those of one data set, by its final trials, else by a reference; None without any."""
    tests = [(test, config) for test, config in _tests(part) if test.num_forced_misses]
    if not tests:
        return None
    test, config = max(tests, key=lambda pair: forced_miss_share(pair[0]))
    keeps = getattr(config.dataset, "repeats", "") == "keep"
    return ForcedMisses(part.dataset, test.num_forced_misses, test.num_users, keeps)


def forced_miss_share(test: Evaluation) -> float:
    """Forced misses per user, in [0, 1]."""
    return test.num_forced_misses / test.num_users


def _tests(part: StudySummary) -> list[tuple[Evaluation, TrialConfig]]:
    trials = (result for arm in part.arms for result in arm.tested.values())
    tested = [(result.test, result.config) for result in trials if result.test]
    references = (one.test_evaluation for one in part.manifest.references)
    ranked = [(test, arm.entry.config) for test in references if test for arm in part.arms[:1]]
    return tested or ranked
