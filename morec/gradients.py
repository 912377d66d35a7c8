"""The gradient of a batch's loss; where memory runs out, items are encoded in smaller chunks."""

import torch
from torch import Tensor, nn

from morec.batch_loss import BatchLoss
from morec.errors import SpecError
from morec.models.recommender import Recommender, Samples
from morec.optimizer import Optimizer
from morec.workers import Workers


class Gradients:
    """Computes gradients; halves ``Recommender.micro_items`` until a batch fits into memory."""

    def __init__(
        self, recommender: Recommender, loss: BatchLoss, optimizer: Optimizer, workers: Workers
    ) -> None:
        """Take the parts.

        Raises:
            SpecError: ``micro_items`` is set although BatchNorm reads the whole batch.
        """
        reads_whole_batch = _normalises_batches(recommender)
        if recommender.micro_items is not None and reads_whole_batch:
            raise SpecError(
                "training.micro_items: an item encoder with BatchNorm trains, whose statistics are "
                "over a batch's images; not given is the only value allowed"
            )
        self._recommender = recommender
        self._loss = loss
        self._optimizer = optimizer
        # Where workers exchange item vectors, the others would wait for one that tries again.
        is_exchanged = loss.needs.shared_items and workers.size > 1
        self._may_halve = not (reads_whole_batch or is_exchanged)

    def compute(self, samples: Samples) -> Tensor:
        """This worker's part of the loss; its gradient is added to the parameters' zeroed ones.

        Raises:
            torch.OutOfMemoryError: smaller chunks are not allowed, or a chunk is one item already.
        """
        while True:
            self._optimizer.adamw.zero_grad()
            try:
                loss = self._loss(samples)
                if loss.requires_grad:
                    torch.autograd.backward(loss)
                return loss.detach()
            except torch.OutOfMemoryError:
                if not self._may_halve or self._recommender.micro_items == 1:
                    raise
            # Not in the handler: its error holds on to the tensors of the failed attempt.
            self._halve_micro_items(samples)

    def _halve_micro_items(self, samples: Samples) -> None:
        current = self._recommender.micro_items or len(torch.unique(samples.encoded_ids()))
        self._recommender.micro_items = max(1, current // 2)
        torch.cuda.empty_cache()  # Does nothing where no GPU is used.


def _normalises_batches(recommender: Recommender) -> bool:
    """Whether an item's vector depends on which items are encoded with it in training."""
    modules = recommender.train().item_encoder.modules()
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training for m in modules)
