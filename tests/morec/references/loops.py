"""What references have to rank, and how, in loops over users and items."""

from collections.abc import Callable, Iterable, Sequence
from typing import get_args

import numpy as np
from hypothesis import strategies as st

from morec.config import Candidates, EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.metrics import NEVER_FOUND
from morec.references.scored import ReferenceTask, Scored
from morec.results import Evaluation
from tests.morec.data.hand_made import dataset_of, windows_of

splits: st.SearchStrategy[Split] = st.sampled_from(["valid", "test"])
pools: st.SearchStrategy[Candidates] = st.sampled_from(get_args(Candidates))
FROM_END: dict[Split, int] = {"valid": 2, "test": 1}


def loop_tasks(
    dataset: Dataset, split: Split, spec: EvaluationSpec
) -> list[tuple[int, set[int], bool]]:
    """Every user's target, what it is ranked against, and whether it is masked."""
    from_end = FROM_END[split]
    windows = windows_of(dataset)
    pool = set(range(1, dataset.num_items + 1))
    if spec.candidates == "trained":
        pool = {item for window in windows for item in window[:-2]}
    found = []
    for window in windows:
        target, masked = window[-from_end], set(window[:-from_end]) if spec.mask_history else set()
        found.append((target, pool - masked - {target}, target in masked))
    return found


def loop_ranks(
    dataset: Dataset, split: Split, spec: EvaluationSpec, scores: Sequence[Sequence[float]]
) -> tuple[list[int], int, int]:
    """Every user's rank, how many tie and how many are forced misses.

    ``scores[user][item]`` is the score of an item, whose ids count from 1.
    """
    ranks, num_tied, num_forced = [], 0, 0
    for user, (target, others, forced) in enumerate(loop_tasks(dataset, split, spec)):
        own = scores[user]
        higher = sum(own[item] > own[target] for item in others)
        equal = sum(own[item] == own[target] for item in others)
        ranks.append(NEVER_FOUND if forced else 1 + higher + equal)
        num_tied += not forced and equal > 0
        num_forced += forced
    return ranks, num_tied, num_forced


def loop_histories(dataset: Dataset, split: Split) -> list[list[int]]:
    """What a model reads of every user: at most ``max_seq_len`` items before the target."""
    ends = FROM_END[split]
    return [window[:-ends][-dataset.max_seq_len :] for window in windows_of(dataset)]


def together(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Users whose train lists have both items, (N, N), and users with an item, (N,)."""
    both = np.zeros((dataset.num_items, dataset.num_items))
    for window in windows_of(dataset):
        items = set(window[:-2])
        for one in items:
            for other in items:
                both[one - 1, other - 1] += 1
    return both, both.diagonal().copy()


def drawn_dataset(seed: int = 0, *, num_users: int = 40, num_items: int = 15) -> Dataset:
    """Users with windows of 4 to 9 different items, popular ones more often."""
    rng = np.random.default_rng(seed)
    chance = rng.dirichlet(np.ones(num_items))
    windows = [
        rng.choice(num_items, size=rng.integers(4, 10), replace=False, p=chance) + 1
        for _ in range(num_users)
    ]
    return dataset_of([window.tolist() for window in windows], num_items, max_seq_len=6)


def renamed(dataset: Dataset, new_ids: Sequence[int]) -> Dataset:
    """The same data set whose item i is called ``new_ids[i - 1]``."""
    names = dict(enumerate(new_ids, start=1))
    windows = [[names[item] for item in window] for window in windows_of(dataset)]
    return dataset_of(windows, dataset.num_items, dataset.max_seq_len)


def assert_best_on_validation(
    found: Scored,
    task: ReferenceTask,
    points: Iterable[tuple[float, ...]],
    loop_scores: Callable[..., Sequence[Sequence[float]]],
) -> None:
    """``found`` has the first point with the best NDCG on validation, and the ranks of loops.

    ``loop_scores(dataset, split, *point)`` scores every item for every user.
    """
    dataset, spec = task.dataset, task.spec
    (k,) = spec.ks
    assert spec.select == f"NDCG@{k}"
    by_point = {
        point: loop_ranks(dataset, "valid", spec, loop_scores(dataset, "valid", *point))[0]
        for point in points
    }
    gains = {
        point: sum(1 / np.log2(rank + 1) for rank in ranks if rank <= k)
        for point, ranks in by_point.items()
    }
    best = max(gains, key=gains.__getitem__)
    assert tuple(found.chosen.values()) == best
    assert isinstance(found.valid, Evaluation) and isinstance(found.test, Evaluation)
    assert found.valid.ranks.tolist() == by_point[best]
    on_test = loop_ranks(dataset, "test", spec, loop_scores(dataset, "test", *best))
    assert found.test.ranks.tolist() == on_test[0]
