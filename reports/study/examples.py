"""Example users: what two arms recommend them, side by side, from the ledger alone.

Users, titles and pictures were stored when the run ended (``tune_space.ledger.examples``); lists
and ranks are those of the records.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from morec.results import TrialResult
from reports.study.places import Place
from reports.study.summary import StudySummary
from tune_space.ledger.examples import (
    ExampleItem,
    ExamplePair,
    ExampleSide,
    ExampleUser,
    StudyExamples,
)

NUM_SHOWN = 5
"""Places of each list that are shown."""


@dataclass(frozen=True)
class ShownItem:
    """An item in a list or a history."""

    title: str
    picture: str
    """As in ``ExampleItem``."""
    is_target: bool = False


@dataclass(frozen=True)
class ShownList:
    """What one arm recommends a user."""

    arm: str
    rank: int
    """Of the user's target."""
    items: tuple[ShownItem, ...]
    """The best first; fewer than ``NUM_SHOWN`` where the user has fewer candidates."""


@dataclass(frozen=True)
class ShownUser:
    """One user: the last items, the target, and both arms' lists."""

    history: tuple[ShownItem, ...]
    target: ShownItem
    lists: tuple[ShownList, ShownList]


@dataclass(frozen=True)
class ShownSide:
    """Users whose target one arm ranks higher."""

    stored: ExampleSide
    """How they were drawn."""
    users: tuple[ShownUser, ...]

    @property
    def arm(self) -> str:
        """As in ``ExampleSide``."""
        return self.stored.arm


@dataclass(frozen=True)
class ShownPair:
    """Two arms of one data set."""

    place: Place
    stored: ExamplePair
    arms: tuple[str, str]
    sides: tuple[ShownSide, ShownSide]


def shown_examples(summary: StudySummary, examples: StudyExamples | None) -> tuple[ShownPair, ...]:
    """The stored pairs whose trials are still the arms' final ones.

    None of a study with ``examples: false``, whatever an earlier run stored.
    """
    if examples is None or not summary.manifest.study.examples:
        return ()
    parts = {(part.place.dataset, part.place.condition): part for part in summary.parts}
    found = []
    for pair in examples.pairs:
        part = parts.get((pair.dataset, pair.condition))
        if part and (results := _results(part, pair)):
            found.append(_shown(part.place, pair, results))
    return tuple(found)


def _results(part: StudySummary, pair: ExamplePair) -> tuple[TrialResult, TrialResult] | None:
    """The two records; None if one is no final trial of its arm any more, or kept no lists."""
    found = []
    for side, trial_id in zip(pair.sides, pair.trial_ids, strict=True):
        arm = part.arm(side.arm)
        known = {one.trial_id: one for one in arm.tested.values()} if arm else {}
        result = known.get(trial_id)
        if result is None or result.test is None or result.test.kept_lists is None:
            return None
        found.append(result)
    return found[0], found[1]


def _shown(place: Place, pair: ExamplePair, results: tuple[TrialResult, TrialResult]) -> ShownPair:
    items = {one.item: one for one in pair.items}
    arms = pair.sides[0].arm, pair.sides[1].arm
    lists = [_Lists(arm, result) for arm, result in zip(arms, results, strict=True)]
    first, second = (_side(side, items, lists) for side in pair.sides)
    return ShownPair(place, pair, arms, (first, second))


class _Lists:
    """One trial's ranks and lists, unpacked once."""

    def __init__(self, arm: str, result: TrialResult) -> None:
        assert result.test and result.test.kept_lists
        kept = result.test.kept_lists
        self.arm = arm
        self._ranks_U = result.test.ranks
        self._rows = {user: row for row, user in enumerate(kept.users_V.tolist())}
        self._items_VK = kept.items_VK

    def has(self, user: ExampleUser) -> bool:
        return user.user in self._rows

    def shown(self, user: ExampleUser, items: Mapping[int, ExampleItem]) -> ShownList:
        best = self._items_VK[self._rows[user.user], :NUM_SHOWN].tolist()
        shown = tuple(_item(_of(items, one), user) for one in best if one)
        return ShownList(self.arm, int(self._ranks_U[user.user]), shown)


def _side(side: ExampleSide, items: Mapping[int, ExampleItem], lists: list[_Lists]) -> ShownSide:
    users = tuple(
        ShownUser(
            history=tuple(_item(_of(items, one)) for one in user.history),
            target=_item(_of(items, user.target), user),
            lists=(lists[0].shown(user, items), lists[1].shown(user, items)),
        )
        for user in side.users
        if lists[0].has(user) and lists[1].has(user)
    )
    return ShownSide(side, users)


def _of(items: Mapping[int, ExampleItem], number: int) -> ExampleItem:
    """An item by its number, which stands for a title that was not stored."""
    return items.get(number) or ExampleItem(item=number, title=f"item {number}")


def _item(item: ExampleItem, user: ExampleUser | None = None) -> ShownItem:
    return ShownItem(item.title, item.picture, user is not None and item.item == user.target)
