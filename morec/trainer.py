"""Trains one recommender: its steps and epochs, a state to go on from.

Shapes: B samples, L1 = L + 1 items of each, T targets of each, D width, P target positions of a
batch, U rows of item vectors, N items.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from morec.checkpoints import random_states, restore_random_states
from morec.config import OptimSpec, TrialConfig
from morec.data.dataset import Dataset
from morec.data.splits import Split, train_popularity_N1, train_sequences_UL1
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DivergedError, SpecError
from morec.evaluation import Evaluator
from morec.losses import bce, in_batch_ce
from morec.models.batches import TrainBatch, train_batches
from morec.models.recommender import EncodedBatch, Recommender, Samples, build_recommender
from morec.results import Evaluation
from morec.workers import Workers


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
        built = build_recommender(config.model, config.item, dataset, store)
        self.recommender = built.to(device)
        self.recommender.micro_items = config.training.micro_items
        if config.training.micro_items is not None:
            _check_micro_items(self.recommender)
        self.samples = built.user_encoder.train_samples(train_sequences_UL1(dataset))
        self.evaluator = Evaluator(dataset, config.evaluation, workers=workers, device=device)
        self.log_popularity_N1 = _log_popularity(dataset).to(device)
        self.optimizer = _build_optimizer(self.recommender, config.optim)
        self.schedule = LambdaLR(self.optimizer, _Warmup(config.optim.warmup_steps))
        if workers.size > 1:
            torch.manual_seed(config.seed + 1_000_003 * workers.rank)

    def train_epoch(self) -> float:
        """Train on every sample once and return the mean loss over steps.

        Raises:
            DivergedError: a step's loss is not finite.
        """
        self.recommender.train()
        losses = [self._step(self.to_device(batch)) for batch in self.batches()]
        return float(np.mean(losses))

    def batches(self) -> Iterator[TrainBatch]:
        """The next epoch's batches; drawing them moves the loader's generator on."""
        return train_batches(
            self.samples,
            self.dataset.num_items,
            self.config.training.batch_size,
            self.generator,
            negatives=self.config.training.loss == "bce",
        )

    def to_device(self, batch: TrainBatch) -> Samples:
        """A batch as tensors where the model is."""
        drawn = batch.negatives_BT
        arrays = (
            batch.users_B,
            batch.items_BL1,
            batch.is_target_BT,
            batch.items_BL1[:, :0] if drawn is None else drawn,
        )
        return Samples(*(torch.from_numpy(array).to(self.device) for array in arrays))

    def _step(self, samples: Samples) -> float:
        loss = self._gradient(samples)
        self.workers.sum_gradients(self._trained())
        total = float(self.workers.sum(loss.double()))
        if not np.isfinite(total):
            raise DivergedError(f"the training loss became {total}")
        self._update()
        return total

    def _gradient(self, samples: Samples) -> Tensor:
        """This worker's part of the loss, and its gradient; in smaller chunks if memory runs out.

        Not where workers exchange item vectors: the others would wait for what never comes.
        """
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                loss = self._share_of_loss(samples)
                if loss.requires_grad:
                    torch.autograd.backward(loss)
                return loss.detach()
            except torch.OutOfMemoryError:
                is_exchanged = self._has_shared_items and self.workers.size > 1
                is_least = self.recommender.micro_items == 1
                if is_exchanged or is_least or _normalises_batches(self.recommender):
                    raise
            # Not in the handler: its error holds on to the tensors of the failed attempt.
            self._halve_micro_items(samples)

    @property
    def _has_shared_items(self) -> bool:
        """Whether all items of a batch enter every user's loss."""
        return self.config.training.loss == "in_batch_ce"

    def _halve_micro_items(self, samples: Samples) -> None:
        all_items = torch.cat([samples.items_BL1.flatten(), samples.negatives_BT.flatten()])
        now = self.recommender.micro_items or len(torch.unique(all_items))
        self.recommender.micro_items = max(1, now // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _update(self) -> None:
        clip_norm = self.config.optim.clip_norm
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._trained(), clip_norm)
        self.optimizer.step()
        self.schedule.step()

    def _share_of_loss(self, samples: Samples) -> Tensor:
        """This worker's part of the batch's loss; the parts of all workers sum to the loss."""
        # A small last batch can hold only users with one train item: its loss is 0, not 0 / 0.
        num_positions = max(1, int(samples.is_target_BT.sum()))
        mine = self.workers.share(len(samples.users_B))
        if self._has_shared_items:
            return self._in_batch_ce(samples, mine, num_positions)
        samples = samples[mine]
        if not len(samples.users_B):
            return torch.zeros((), device=self.device)
        with self._autocast():
            encoded = self.recommender(samples)
        return self.recommender.user_encoder.bce_weight * _bce(encoded, num_positions)

    def _in_batch_ce(self, samples: Samples, mine: slice, num_positions: int) -> Tensor:
        """All items of the batch are candidates: every worker encodes its share of them."""
        all_users_B = torch.arange(len(samples.users_B), device=self.device)
        # A worker without users in a small batch reads one, of whom nothing enters its loss.
        is_idle = not len(all_users_B[mine])
        readers = slice(0, 1) if is_idle else mine
        with self._autocast():
            encoded = self.recommender(samples, readers=readers, shared=self.workers.encode_shares)
        is_target_RT = encoded.is_target_BT[readers] & (not is_idle)
        rows_P, positions_P = is_target_RT.nonzero(as_tuple=True)
        users_P = all_users_B[readers][rows_P]
        states_PD = _at_least_fp32(encoded.states_RTD[rows_P, positions_P])
        scores_PU = states_PD @ _at_least_fp32(encoded.vectors_UD).T
        targets_P = encoded.targets_BT[users_P, positions_P]
        log_popularity_U = self.log_popularity_N1[encoded.unique_ids_U]
        return in_batch_ce(
            scores_PU, targets_P, users_P, encoded.items_BL1, log_popularity_U, num_positions
        )

    def _autocast(self) -> torch.autocast:
        is_on = self.config.training.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_on)

    def evaluate(self, split: Split) -> Evaluation:
        """Rank every user's target; see ``Evaluator``, also for what is raised."""
        return self.evaluator.evaluate(self.recommender, split)

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


def _check_micro_items(recommender: Recommender) -> None:
    if _normalises_batches(recommender):
        raise SpecError(
            "training.micro_items: an item encoder with BatchNorm trains, whose statistics are "
            "over a batch's images; not given is the only value allowed"
        )


def _normalises_batches(recommender: Recommender) -> bool:
    """Whether an item's vector depends on which items are encoded with it in training."""
    modules = recommender.train().item_encoder.modules()
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training for m in modules)


class _Warmup:
    """Linear warm-up to the full learning rate; no schedule after it, as in the paper."""

    def __init__(self, num_steps: int) -> None:
        self.num_steps = num_steps

    def __call__(self, step: int) -> float:
        return min(1.0, (step + 1) / self.num_steps) if self.num_steps else 1.0


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
    is_target_BT = encoded.is_target_BT
    states_PD = _at_least_fp32(encoded.states_RTD[is_target_BT])
    vectors_UD = _at_least_fp32(encoded.vectors_UD)
    positives_P = encoded.targets_BT[is_target_BT]
    negatives_P = encoded.negatives_BT[is_target_BT]
    positive_P = (states_PD * F.embedding(positives_P, vectors_UD)).sum(-1)
    negative_P = (states_PD * F.embedding(negatives_P, vectors_UD)).sum(-1)
    return bce(positive_P, negative_P, num_positions)


def _at_least_fp32(values: Tensor) -> Tensor:
    """Scores and losses are not computed in bf16, whatever the forward pass was."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
