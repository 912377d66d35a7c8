"""Places of a study: which data set and which condition a number is about."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports import formats
from tune_space.study.spec import Placed, StudySpec


@dataclass(frozen=True)
class Place:
    """A data set and a condition."""

    dataset: str = ""
    """Key of the study's ``datasets``; empty where the study has only one."""
    condition: str = ""
    """Key of the study's ``conditions``; empty where the study has none."""

    @property
    def key(self) -> str:
        """Both in print, like ``MIND, by time``; what is empty is left out."""
        return ", ".join(word for word in (self.dataset, self.condition) if word)

    @property
    def words(self) -> str:
        """Both within a sentence, like ``on MIND under “by time”``; empty where both are."""
        on = f"on {self.dataset}" if self.dataset else ""
        under = f"under {formats.quoted(self.condition)}" if self.condition else ""
        return f"{on} {under}".strip()

    def has(self, entry: Placed) -> bool:
        """Whether the entry belongs here; a part that is empty admits every value."""
        return self.dataset in ("", entry.dataset) and self.condition in ("", entry.condition)


NOWHERE = Place()
"""The place of a study with one data set and no conditions."""


def places_of(study: StudySpec, entries: Iterable[Placed]) -> tuple[Place, ...]:
    """Where the entries are, condition by condition, in the order of the study file."""
    found = dict.fromkeys((entry.dataset, entry.condition) for entry in entries)
    datasets = _in_order(study.datasets, (dataset for dataset, _ in found))
    conditions = _in_order(study.conditions, (condition for _, condition in found))
    return tuple(
        Place(dataset if len(datasets) > 1 else "", condition)
        for condition in conditions
        for dataset in datasets
        if (dataset, condition) in found
    )


def _in_order(keys: Iterable[str], present: Iterable[str]) -> list[str]:
    """What is present, first in the order of the study file."""
    found = dict.fromkeys(present)
    return [key for key in dict.fromkeys([*keys, *found]) if key in found]
