"""Ranks users from blocks of dense scores, and chooses among such scores on validation.

A block is ranked by the function that ranks trained models: full ranking, the history masked
unless ``mask_history`` is off, ties against the target. Shapes: B users of a block, L inputs, N
items.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from morec.data.dataset import Dataset
from morec.data.slices import slicings
from morec.data.splits import EvaluationBatch, Split, evaluation_batches, is_candidate_N1
from morec.evaluation import evaluation_of
from morec.metrics import metrics_of
from morec.ranking import rank_targets
from morec.references.scored import ReferenceTask, Scored, left_out
from morec.results import Evaluation

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Scorer = Callable[[Ints], Floats]
"""Model inputs_BL, left-padded with 0, -> the scores_BN of items 1..N."""

BLOCK_SCORES = 2**21
"""Scores that are held at once."""
BLOCK_USERS = 64
"""Users in a block, unless fewer users already fill ``BLOCK_SCORES``."""
CHOICE_USERS = 2048
"""At most so many validation users, in blocks that are spread evenly, decide a choice."""
MAX_SCORES = 10**10
"""Users times items above which a reference that scores every pair is left out."""


def too_many_scores(dataset: Dataset) -> str:
    """Why the data set is too large for dense scores; empty where it is not."""
    num_scores = dataset.num_users * dataset.num_items
    if num_scores <= MAX_SCORES:
        return ""
    return (
        f"{dataset.num_users:,} users times {dataset.num_items:,} items are more than "
        f"{MAX_SCORES:,} scores"
    )


def choose(task: ReferenceTask, points: Iterable[tuple[dict[str, float], Scorer]]) -> Scored:
    """Evaluate the point with the best ``select`` on validation; equal ones: the first.

    Test is looked at once, for the chosen point. Left out, before the first point is made, where
    there are ``too_many_scores``.
    """
    if reason := too_many_scores(task.dataset):
        return left_out(reason)
    blocks = _choice_blocks(task)
    best: tuple[float, dict[str, float], Scorer] | None = None
    for values, score in points:
        ranks_U, _ = _ranks(task, blocks, score)
        found = metrics_of(ranks_U, task.spec.ks)[task.spec.select]
        if best is None or found > best[0]:
            best = found, values, score
        # A scorer may hold a matrix of items by items: it goes before the next one is made.
        del score
    assert best is not None, "no point to choose from"
    _, values, chosen = best
    return Scored(evaluate(task, "valid", chosen), evaluate(task, "test", chosen), values)


def evaluate(task: ReferenceTask, split: Split, score: Scorer) -> Evaluation:
    """Rank every user's target as a trained model's scores would be."""
    ranks_U, is_tied_U = _ranks(task, _blocks(task, split), score)
    tables = slicings(task.dataset, split)
    return evaluation_of(ranks_U, task.spec.ks, tables, num_tied=int(is_tied_U.sum()))


def _blocks(task: ReferenceTask, split: Split) -> Iterator[EvaluationBatch]:
    num_users = max(1, min(BLOCK_USERS, BLOCK_SCORES // task.dataset.num_items))
    mask_history = task.spec.mask_history
    return evaluation_batches(task.dataset, split, num_users, mask_history=mask_history)


def _choice_blocks(task: ReferenceTask) -> Sequence[EvaluationBatch]:
    """Validation users, evenly spread: users in the order of a file may differ with time."""
    step = -(-task.dataset.num_users // CHOICE_USERS)
    return [block for number, block in enumerate(_blocks(task, "valid")) if number % step == 0]


def _ranks(
    task: ReferenceTask, blocks: Iterable[EvaluationBatch], score: Scorer
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Every user's rank, and whether its target ties with another candidate.

    Scores are computed in fp64 and ranked in fp32, so that scores that are equal but for rounding
    tie.
    """
    is_candidate_N = torch.from_numpy(is_candidate_N1(task.dataset, task.spec.candidates)[1:])
    ranks, ties = [], []
    for block in blocks:
        scores_BN = torch.from_numpy(score(block.inputs_BL).astype(np.float32))
        columns = (block.targets_B, block.history_rows, block.history_items)
        targets_B, rows, items = (torch.from_numpy(column) for column in columns)
        found = rank_targets(scores_BN, targets_B, rows, items, is_candidate_N)
        ranks.append(found.ranks_B.numpy())
        ties.append(found.tied_B.numpy() > 0)
    return np.concatenate(ranks), np.concatenate(ties)
