"""Ranks every user's target with a recommender, in fp32; batches are dealt to the workers.

Shapes: B users of a batch, U users of a split, L inputs, D width, N items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.slices import Slicing, slicings
from morec.data.splits import EvaluationBatch, Split, evaluation_batches, is_candidate_N1
from morec.errors import CollapsedError, DivergedError
from morec.kept_lists import PLACES, KeptLists, ListKeeper
from morec.list_metrics import ListCounts, catalogue_of, list_metrics_of
from morec.metrics import NEVER_FOUND, metrics_of
from morec.models.recommender import Recommender
from morec.ranking import rank_targets, top_items
from morec.results import Evaluation, SliceMetrics, pack_ranks
from morec.workers import Workers

CACHED_SCORES = 2**19
"""So many scores are ranked at once on a CPU, whose caches hold them: every pass over more than its
caches hold takes several times as long."""
COLLAPSED_SHARE = 0.5
"""A model has collapsed when, for more than this share of users, the target ties with more than
this share of the candidates."""


class Evaluator:
    """The evaluation protocol over one dataset; the same for every model and every epoch."""

    def __init__(
        self, dataset: Dataset, spec: EvaluationSpec, *, workers: Workers, device: torch.device
    ) -> None:
        self.dataset = dataset
        self.spec = spec
        self.workers = workers
        self.device = device
        is_candidate_N = is_candidate_N1(dataset, spec.candidates)[1:]
        self.is_candidate_N = torch.from_numpy(is_candidate_N).to(device)
        self.are_all_candidates = bool(is_candidate_N.all())
        # Made when a split is first evaluated, so that an unused test split is not looked at.
        self._slicings = cache(partial(slicings, dataset))

    @torch.no_grad()
    def evaluate(
        self, recommender: Recommender, split: Split, *, kept_lists: int = 0
    ) -> Evaluation:
        """Rank every user's target among the candidates; ``recommender`` is left in eval mode.

        ``kept_lists``: so many users of the test split have their lists in what is returned.

        Raises:
            DivergedError: a score is not finite.
            CollapsedError: the scores no longer tell items apart.
        """
        self.workers.average_buffers(recommender)
        recommender.eval()
        catalogue_ND = recommender.encode_catalogue()
        # Only of the test split, which is ranked once: of validation nobody would see them.
        lists = self._empty_lists(kept_lists) if split == "test" else None
        batches = evaluation_batches(
            self.dataset, split, self.spec.batch_size, mask_history=self.spec.mask_history
        )
        share = [
            self._rank(recommender, batch, catalogue_ND, lists)
            for number, batch in enumerate(batches)
            if number % self.workers.size == self.workers.rank
        ]
        ranked = _in_order(self.workers.gather(share))
        columns = (np.concatenate(column) for column in zip(*ranked, strict=True))
        ranks_U, tied_U, is_finite_U = columns
        _check_finite(is_finite_U)
        self._check_not_collapsed(tied_U)
        num_tied = int((tied_U > 0).sum())
        evaluation = evaluation_of(
            ranks_U,
            self.spec.ks,
            self._slicings(split),
            num_tied=num_tied,
            lists=self._list_metrics(lists.counts) if lists else {},
        )
        return evaluation.model_copy(update={"kept_lists": self._kept_lists(lists)})

    def _empty_lists(self, kept_lists: int) -> "_Lists":
        num_users = self.dataset.rows_of("test").num_rows
        counts = ListCounts(self.spec.ks, self.dataset.num_items)
        return _Lists(counts, ListKeeper(num_users, kept_lists) if kept_lists else None)

    def _list_metrics(self, counts: ListCounts) -> dict[str, float]:
        """What all workers' lists hold together."""
        counts_KN1 = np.sum(self.workers.gather(counts.counts_KN1), axis=0)
        items = catalogue_of(self.dataset, self.spec.candidates)
        return list_metrics_of(counts_KN1, self.spec.ks, items)

    def _kept_lists(self, lists: "_Lists | None") -> KeptLists | None:
        """The lists that all workers keep."""
        if lists is None or lists.keeper is None:
            return None
        return lists.keeper.joined(self.workers.gather(lists.keeper.rows))

    def _rank(
        self,
        recommender: Recommender,
        batch: EvaluationBatch,
        catalogue_ND: Tensor,
        lists: "_Lists | None",
    ) -> tuple[npt.NDArray[Any], ...]:
        """Ranks, ties and whether all scores are finite, (B,) each.

        Scores that are not finite raise only after all workers have met in ``evaluate``.
        """
        inputs_BL, users_B = map(torch.from_numpy, (batch.inputs_BL, batch.users_B))
        users_BD = recommender.user_vectors(inputs_BL, users_B, catalogue_ND)
        blocks = [
            self._rank_rows(users_BD[rows], batch.rows(rows), catalogue_ND, lists)
            for rows in user_blocks(users_BD, len(self.is_candidate_N))
        ]
        return tuple(torch.cat(column).cpu().numpy() for column in zip(*blocks, strict=True))

    def _rank_rows(
        self,
        users_BD: Tensor,
        batch: EvaluationBatch,
        catalogue_ND: Tensor,
        lists: "_Lists | None",
    ) -> tuple[Tensor, ...]:
        scores_BN = users_BD @ catalogue_ND[1:].T
        # NaN or infinite where any score is; a tenth of the time of asking every score.
        is_finite_B = scores_BN.sum(1).isfinite()
        targets_B, rows, items = self._on_device(
            batch.targets_B, batch.history_rows, batch.history_items
        )
        candidates_N = None if self.are_all_candidates else self.is_candidate_N
        ranked = rank_targets(scores_BN, targets_B, rows, items, candidates_N)
        if lists is not None:
            lists.add(batch, top_items(scores_BN, targets_B, lists.places).cpu().numpy())
        return *ranked, is_finite_B

    def _on_device(self, *arrays: npt.NDArray[Any]) -> list[Tensor]:
        return [torch.from_numpy(array).to(self.device) for array in arrays]

    def _check_not_collapsed(self, tied_U: npt.NDArray[np.int64]) -> None:
        num_candidates = int(self.is_candidate_N.sum())
        is_flat_U = tied_U > COLLAPSED_SHARE * num_candidates
        if is_flat_U.mean() > COLLAPSED_SHARE:
            raise CollapsedError(
                f"the target ties with more than half of the {num_candidates} candidates "
                f"for {int(is_flat_U.sum())} of {len(tied_U)} users"
            )


@dataclass(frozen=True)
class _Lists:
    """What becomes of the test users' lists: they are counted, and some are kept."""

    counts: ListCounts
    keeper: ListKeeper | None

    @property
    def places(self) -> int:
        """The places of a list that are asked for."""
        return max(*self.counts.ks, PLACES if self.keeper else 1)

    def add(self, batch: EvaluationBatch, items_BK: npt.NDArray[np.int64]) -> None:
        self.counts.add(items_BK)
        if self.keeper is not None:
            self.keeper.add(batch.first, batch.targets_B, items_BK)


def user_blocks(users_BD: Tensor, num_items: int) -> list[slice]:
    """Users ranked together: the wider the vectors, the dearer to read all items' again."""
    num_users, dim = users_BD.shape
    size = num_users
    if users_BD.device.type == "cpu":
        size = max(dim // 2, CACHED_SCORES // num_items)
    return [slice(first, first + size) for first in range(0, num_users, size)]


def _check_finite(is_finite_U: npt.NDArray[np.bool_]) -> None:
    if not is_finite_U.all():
        num_bad, num_users = int((~is_finite_U).sum()), len(is_finite_U)
        raise DivergedError(f"the scores of {num_bad} of {num_users} users are not finite")


def _in_order(shares: list[list[Any]]) -> list[Any]:
    """Undo the dealing of batches to workers: batch n went to worker n mod size."""
    num_batches = sum(map(len, shares))
    return [shares[n % len(shares)][n // len(shares)] for n in range(num_batches)]


def evaluation_of(
    ranks_U: npt.NDArray[np.integer],
    ks: tuple[int, ...],
    slicings: Sequence[Slicing],
    *,
    num_tied: int,
    lists: Mapping[str, float] = MappingProxyType({}),
) -> Evaluation:
    """The record of one split's ranks, over all its users and over every slice of them.

    ``lists``: what the users' lists hold, like ``coverage@10``; nothing where none were counted.
    """
    return Evaluation(
        metrics=metrics_of(ranks_U, ks),
        num_users=len(ranks_U),
        num_tied=num_tied,
        num_forced_misses=int((ranks_U == NEVER_FOUND).sum()),
        slices={slicing.dimension: _slices(ranks_U, ks, slicing) for slicing in slicings},
        lists=dict(lists),
        packed_ranks=pack_ranks(ranks_U),
    )


def _slices(
    ranks_U: npt.NDArray[np.integer], ks: tuple[int, ...], slicing: Slicing
) -> dict[str, SliceMetrics]:
    """Metrics by label, in the labels' order; a label that no user has is left out."""
    by_label = {
        label: ranks_U[slicing.codes_U == code] for code, label in enumerate(slicing.labels)
    }
    return {
        label: SliceMetrics(num_users=len(ranks), metrics=metrics_of(ranks, ks))
        for label, ranks in by_label.items()
        if len(ranks)
    }
