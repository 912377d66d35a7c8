"""Ranks every user's target with a recommender, in fp32; batches are dealt to the workers.

Shapes: B users of a batch, U users of a split, L inputs, D width, N items.
"""

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
from morec.metrics import evaluation_of, rank_targets
from morec.models.recommender import Recommender
from morec.results import Evaluation
from morec.workers import Workers

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
        self._slicings: dict[Split, tuple[Slicing, ...]] = {}

    @torch.no_grad()
    def evaluate(self, recommender: Recommender, split: Split) -> Evaluation:
        """Rank every user's target among the candidates; ``recommender`` is left in eval mode.

        Raises:
            DivergedError: a score is not finite.
            CollapsedError: the scores no longer tell items apart.
        """
        self.workers.average_buffers(recommender)
        recommender.eval()
        catalogue_ND = recommender.encode_catalogue(self.device)
        batches = evaluation_batches(self.dataset, split, self.spec.batch_size)
        share = [
            self._rank(recommender, batch, catalogue_ND)
            for number, batch in enumerate(batches)
            if number % self.workers.size == self.workers.rank
        ]
        ranked = _in_order(self.workers.gather(share))
        columns = (np.concatenate(column) for column in zip(*ranked, strict=True))
        ranks_U, tied_U, is_hidden_U, is_finite_U = columns
        _check_finite(is_finite_U)
        self._check_not_collapsed(tied_U)
        return evaluation_of(
            ranks_U,
            self.spec.ks,
            self._slicings_of(split),
            num_tied=int((tied_U > 0).sum()),
            num_forced_misses=int(is_hidden_U.sum()),
        )

    def _rank(
        self, recommender: Recommender, batch: EvaluationBatch, catalogue_ND: Tensor
    ) -> tuple[npt.NDArray[Any], ...]:
        """Ranks, ties, whether the target is hidden and whether all scores are finite, (B,) each.

        Scores that are not finite raise only after all workers have met in ``evaluate``.
        """
        inputs_BL, users_B, targets_B, rows, items = (
            torch.from_numpy(array).to(self.device)
            for array in (
                batch.inputs_BL,
                batch.users_B,
                batch.targets_B,
                batch.history_rows,
                batch.history_items,
            )
        )
        users_BD = recommender.user_vectors(inputs_BL, users_B, catalogue_ND)
        scores_BN = users_BD @ catalogue_ND[1:].T
        # Both are NaN where any score is; a tenth of the time of asking every score.
        is_finite_B = scores_BN.amin(1).isfinite() & scores_BN.amax(1).isfinite()
        ranks = rank_targets(scores_BN, targets_B, rows, items, self.is_candidate_N)
        return tuple(column.cpu().numpy() for column in (*ranks, is_finite_B))

    def _slicings_of(self, split: Split) -> tuple[Slicing, ...]:
        """Made when a split is first evaluated, so that an unused test split is not looked at."""
        if split not in self._slicings:
            self._slicings[split] = slicings(self.dataset, split)
        return self._slicings[split]

    def _check_not_collapsed(self, tied_U: npt.NDArray[np.int64]) -> None:
        num_candidates = int(self.is_candidate_N.sum())
        is_flat_U = tied_U > COLLAPSED_SHARE * num_candidates
        if is_flat_U.mean() > COLLAPSED_SHARE:
            raise CollapsedError(
                f"the target ties with more than half of the {num_candidates} candidates "
                f"for {int(is_flat_U.sum())} of {len(tied_U)} users"
            )


def _check_finite(is_finite_U: npt.NDArray[np.bool_]) -> None:
    if not is_finite_U.all():
        num_bad, num_users = int((~is_finite_U).sum()), len(is_finite_U)
        raise DivergedError(f"the scores of {num_bad} of {num_users} users are not finite")


def _in_order(shares: list[list[Any]]) -> list[Any]:
    """Undo the dealing of batches to workers: batch n went to worker n mod size."""
    num_batches = sum(map(len, shares))
    return [shares[n % len(shares)][n // len(shares)] for n in range(num_batches)]
