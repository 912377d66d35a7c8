"""The audit of kept lists: the target stands at its rank, and all trials mean the same target."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from morec.errors import DataError
from morec.kept_lists import KeptLists
from morec.results import Evaluation, TrialResult


def list_problems(result: Evaluation) -> Iterator[str]:
    """Kept lists that contradict the ranks, or that cannot be lists at all."""
    kept = result.kept_lists
    if kept is None:
        return
    try:
        result.check_packed()
    except DataError as error:
        yield str(error)
        return
    is_target_VK = kept.targets_V[:, None] == kept.items_VK
    yield from _place_problems(result.ranks[kept.users_V], is_target_VK)
    yield from _repeat_problems(kept.items_VK)


def _place_problems(
    ranks_V: npt.NDArray[np.uint32], is_target_VK: npt.NDArray[np.bool_]
) -> Iterator[str]:
    """Lists whose target does not stand at its rank, or stands in them although its rank is worse.

    As many lists as have it elsewhere; the first of them is named.
    """
    should_VK = ranks_V[:, None] == np.arange(1, is_target_VK.shape[1] + 1)
    wrong = np.flatnonzero((should_VK != is_target_VK).any(axis=1))
    if len(wrong):
        places = (np.flatnonzero(is_target_VK[wrong[0]]) + 1).tolist()
        yield (
            f"{len(wrong)} kept lists contradict the ranks: in list {wrong[0]} the target stands "
            f"at places {places}, its rank is {ranks_V[wrong[0]]}"
        )


def _repeat_problems(items_VK: npt.NDArray[np.uint32]) -> Iterator[str]:
    """Lists that name an item twice, or that go on behind an empty place."""
    ordered_VK = np.sort(items_VK, axis=1)
    is_twice_V = ((np.diff(ordered_VK, axis=1) == 0) & (ordered_VK[:, 1:] > 0)).any(axis=1)
    goes_on_V = ((items_VK[:, :-1] == 0) & (items_VK[:, 1:] > 0)).any(axis=1)
    if num := int((is_twice_V | goes_on_V).sum()):
        yield f"{num} kept lists name an item twice, or go on behind an empty place"


def target_problems(records: Sequence[TrialResult]) -> Iterator[str]:
    """Trials on the same data whose kept lists mean another target of the same user."""
    known: dict[int, int] = {}
    for record in records:
        kept = record.test.kept_lists if record.test else None
        if kept is None:
            continue
        pairs = dict(zip(kept.users_V.tolist(), kept.targets_V.tolist(), strict=True))
        others = sum(known.get(user, target) != target for user, target in pairs.items())
        if others:
            yield f"{record.trial_id}: test: {others} targets are not those of other trials"
        known |= {user: target for user, target in pairs.items() if user not in known}


def kept_items(kept: KeptLists) -> dict[str, int]:
    """What stands where in every list, by name; for a comparison of two records."""
    places = enumerate(kept.items_VK.tolist())
    users = kept.users_V.tolist()
    return {
        f"place {place} in the list of user {users[row]}": item
        for row, items in places
        for place, item in enumerate(items, start=1)
    }
