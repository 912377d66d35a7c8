"""Trains and evaluates one recommender: an epoch, a full ranking, a state to go on from.

Shapes: B users, L positions, D width, P target positions, U rows of item vectors, N items.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from morec.checkpoints import random_states, restore_random_states
from morec.config import OptimSpec, TrialConfig
from morec.data.batches import TrainBatch, train_batches
from morec.data.dataset import Dataset
from morec.data.splits import (
    EvaluationBatch,
    Split,
    evaluation_batches,
    train_popularity_N1,
    train_sequences_UL1,
)
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import build_item_encoder
from morec.errors import CollapsedError, DivergedError
from morec.losses import bce, in_batch_ce
from morec.metrics import metrics_of, rank_targets
from morec.models.recommender import EncodedBatch, Recommender, build_user_encoder
from morec.results import Evaluation, pack_ranks
from morec.workers import Workers

COLLAPSED_SHARE = 0.5
"""A model has collapsed when, for more than this share of users, the target ties with more than
this share of the catalogue."""


class Trainer:
    """One trial's model, optimizer and data on one worker.

    The same seed gives the same initial weights, batches and negatives on every worker; only the
    dropout masks differ between workers.
    """

    def __init__(
        self,
        config: TrialConfig,
        dataset: Dataset,
        store: ArtefactStore,
        *,
        workers: Workers,
        device: torch.device,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.dataset = dataset
        self.workers = workers
        self.device = device
        self.generator = np.random.default_rng(config.seed)
        self.sequences_UL1 = train_sequences_UL1(dataset)
        self.recommender = _build(config, dataset, store).to(device)
        self.log_popularity_N1 = _log_popularity(dataset).to(device)
        self.optimizer = _build_optimizer(self.recommender, config.optim)
        self.schedule = LambdaLR(self.optimizer, _Warmup(config.optim.warmup_steps))
        if workers.size > 1:
            torch.manual_seed(config.seed + 1_000_003 * workers.rank)

    def train_epoch(self) -> float:
        """Train on every user once and return the mean loss over steps.

        Raises:
            DivergedError: a step's loss is not finite.
        """
        self.recommender.train()
        losses = [self._step(batch) for batch in self.batches()]
        return float(np.mean(losses))

    def batches(self) -> Iterator[TrainBatch]:
        """The next epoch's batches; drawing them moves the loader's generator on."""
        return train_batches(
            self.sequences_UL1,
            self.dataset.num_items,
            self.config.training.batch_size,
            self.generator,
            negatives=self.config.training.loss == "bce",
        )

    def to_device(self, batch: TrainBatch) -> tuple[Tensor, Tensor]:
        """items_BL1 and negatives_BL of a batch; without sampled negatives those are (B, 0)."""
        items_BL1 = torch.from_numpy(batch.items_BL1).to(self.device)
        if batch.negatives_BL is None:
            return items_BL1, items_BL1.new_empty(len(items_BL1), 0)
        return items_BL1, torch.from_numpy(batch.negatives_BL).to(self.device)

    def _step(self, batch: TrainBatch) -> float:
        items_BL1, negatives_BL = self.to_device(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._share_of_loss(items_BL1, negatives_BL)
        if loss.requires_grad:
            torch.autograd.backward(loss)
        self.workers.sum_gradients(self._trained())
        total = float(self.workers.sum(loss.detach().double()))
        if not np.isfinite(total):
            raise DivergedError(f"the training loss became {total}")
        self._update()
        return total

    def _update(self) -> None:
        clip_norm = self.config.optim.clip_norm
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._trained(), clip_norm)
        self.optimizer.step()
        self.schedule.step()

    def _share_of_loss(self, items_BL1: Tensor, negatives_BL: Tensor) -> Tensor:
        """This worker's part of the batch's loss; the parts of all workers sum to the loss."""
        # A small last batch can hold only users with one train item: its loss is 0, not 0 / 0.
        num_positions = max(1, int((items_BL1[:, :-1] > 0).sum()))
        mine = self.workers.share(len(items_BL1))
        if self.config.training.loss == "bce":
            items_BL1, negatives_BL = items_BL1[mine], negatives_BL[mine]
        if not len(items_BL1):
            return torch.zeros((), device=self.device)
        with self._autocast():
            encoded = self.recommender(items_BL1, negatives_BL)
        if self.config.training.loss == "bce":
            return _bce(encoded, num_positions)
        return self._in_batch_ce(encoded, mine, num_positions)

    def _in_batch_ce(self, encoded: EncodedBatch, mine: slice, num_positions: int) -> Tensor:
        """Every worker encodes the whole batch, since all its items are candidates."""
        is_mine_BL = torch.zeros_like(encoded.is_target_BL)
        is_mine_BL[mine] = encoded.is_target_BL[mine]
        users_P, positions_P = is_mine_BL.nonzero(as_tuple=True)
        states_PD = _at_least_fp32(encoded.states_BLD[users_P, positions_P])
        scores_PU = states_PD @ _at_least_fp32(encoded.vectors_UD).T
        targets_P = encoded.items_BL1[users_P, positions_P + 1]
        log_popularity_U = self.log_popularity_N1[encoded.unique_ids_U]
        return in_batch_ce(
            scores_PU, targets_P, users_P, encoded.items_BL1, log_popularity_U, num_positions
        )

    def _autocast(self) -> torch.autocast:
        is_on = self.config.training.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_on)

    @torch.no_grad()
    def evaluate(self, split: Split) -> Evaluation:
        """Rank every user's target among all items, in fp32; batches are dealt to the workers.

        Raises:
            DivergedError: a score is not finite.
            CollapsedError: the scores no longer tell items apart.
        """
        self.workers.average_buffers(self.recommender)
        self.recommender.eval()
        catalogue_ND = self.recommender.encode_catalogue(self.device)
        size = self.config.evaluation.batch_size
        batches = evaluation_batches(self.dataset, split, size)
        share = [
            self._rank(batch, catalogue_ND)
            for number, batch in enumerate(batches)
            if number % self.workers.size == self.workers.rank
        ]
        ranked = _in_order(self.workers.gather(share))
        columns = (np.concatenate(column) for column in zip(*ranked, strict=True))
        ranks_U, tied_U, is_hidden_U, is_finite_U = columns
        _check_finite(is_finite_U)
        self._check_not_collapsed(tied_U)
        return Evaluation(
            metrics=metrics_of(ranks_U, self.config.evaluation.ks),
            num_users=len(ranks_U),
            num_tied=int((tied_U > 0).sum()),
            num_forced_misses=int(is_hidden_U.sum()),
            packed_ranks=pack_ranks(ranks_U),
        )

    def _rank(self, batch: EvaluationBatch, catalogue_ND: Tensor) -> tuple[npt.NDArray[Any], ...]:
        """Ranks, ties, whether the target is hidden and whether all scores are finite, (B,) each.

        Scores that are not finite raise only after all workers have met in ``evaluate``.
        """
        arrays = (batch.inputs_BL, batch.targets_B, batch.history_rows, batch.history_items)
        inputs_BL, targets_B, rows, items = (
            torch.from_numpy(array).long().to(self.device) for array in arrays
        )
        users_BD = self.recommender.user_vectors(inputs_BL, catalogue_ND)
        scores_BN = users_BD @ catalogue_ND[1:].T
        is_finite_B = torch.isfinite(scores_BN).all(dim=1)
        columns = (*rank_targets(scores_BN, targets_B, rows, items), is_finite_B)
        return tuple(column.cpu().numpy() for column in columns)

    def _check_not_collapsed(self, tied_U: npt.NDArray[np.int64]) -> None:
        is_flat_U = tied_U > COLLAPSED_SHARE * self.dataset.num_items
        if is_flat_U.mean() > COLLAPSED_SHARE:
            raise CollapsedError(
                f"the target ties with more than half of the {self.dataset.num_items} items "
                f"for {int(is_flat_U.sum())} of {len(tied_U)} users"
            )

    def state(self) -> dict[str, Any]:
        """Everything the next epoch depends on."""
        return {
            "weights": self.recommender.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": self.workers.gather(random_states(self.generator)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to ``state``, also with another number of workers."""
        self.recommender.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        states = state["random"]
        restore_random_states(states[self.workers.rank % len(states)], self.generator)

    def _trained(self) -> list[torch.nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


class _Warmup:
    """Linear warm-up to the full learning rate; no schedule after it, as in the paper."""

    def __init__(self, num_steps: int) -> None:
        self.num_steps = num_steps

    def __call__(self, step: int) -> float:
        return min(1.0, (step + 1) / self.num_steps) if self.num_steps else 1.0


def _build(config: TrialConfig, dataset: Dataset, store: ArtefactStore) -> Recommender:
    model = config.model
    items = build_item_encoder(config.item, dataset, model.dim, model.dropout, store)
    users = build_user_encoder(model, dataset.max_seq_len)
    return Recommender(items, users, dataset.num_items)


def _build_optimizer(recommender: Recommender, spec: OptimSpec) -> torch.optim.AdamW:
    encoder = list(recommender.item_encoder.encoder_parameters())
    rest = [*recommender.item_encoder.other_parameters(), *recommender.user_encoder.parameters()]
    groups = [
        {"params": rest, "lr": spec.lr},
        {"params": encoder, "lr": spec.encoder_lr or spec.lr},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, weight_decay=spec.weight_decay, fused=True)


def _log_popularity(dataset: Dataset) -> Tensor:
    """log p(item) over train interactions, shape (N + 1,); 0 for padding and unseen items."""
    counts_N1 = torch.from_numpy(train_popularity_N1(dataset)).double()
    log_N1 = (counts_N1 / counts_N1.sum()).log()
    return log_N1.masked_fill(counts_N1 == 0, 0.0).float()


def _bce(encoded: EncodedBatch, num_positions: int) -> Tensor:
    is_target_BL = encoded.is_target_BL
    states_PD = _at_least_fp32(encoded.states_BLD[is_target_BL])
    vectors_UD = _at_least_fp32(encoded.vectors_UD)
    positives_P = encoded.items_BL1[:, 1:][is_target_BL]
    negatives_P = encoded.negatives_BL[is_target_BL]
    positive_P = (states_PD * F.embedding(positives_P, vectors_UD)).sum(-1)
    negative_P = (states_PD * F.embedding(negatives_P, vectors_UD)).sum(-1)
    return bce(positive_P, negative_P, num_positions)


def _check_finite(is_finite_U: npt.NDArray[np.bool_]) -> None:
    if not is_finite_U.all():
        num_bad, num_users = int((~is_finite_U).sum()), len(is_finite_U)
        raise DivergedError(f"the scores of {num_bad} of {num_users} users are not finite")


def _at_least_fp32(values: Tensor) -> Tensor:
    """Scores and losses are not computed in bf16, whatever the forward pass was."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _in_order(shares: list[list[Any]]) -> list[Any]:
    """Undo the dealing of batches to workers: batch n went to worker n mod size."""
    num_batches = sum(map(len, shares))
    return [shares[n % len(shares)][n // len(shares)] for n in range(num_batches)]
