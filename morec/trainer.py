"""Trains one recommender: its batches, steps and epochs, and the state to go on from.

Shapes: B samples, N1 = N + 1 items with padding.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morec.batch_loss import BatchLoss
from morec.checkpoints import random_states, restore_random_states
from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.data.splits import Split, train_popularity_N1, train_sequences_UL1
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DivergedError
from morec.evaluation import Evaluator
from morec.gradient_sums import GradientSums
from morec.gradients import Gradients
from morec.losses.table import LOSSES
from morec.models.batches import TrainBatch, check_samples, num_steps, train_batches
from morec.models.negatives import negatives_of
from morec.models.recommender import Samples, build_recommender
from morec.optimizer import Optimizer
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
        """Build the model and draw nothing yet.

        Raises:
            DataError: the data leaves the loss nothing to learn from.
            SpecError: the warm-up leaves the learning rates' schedule no step.
        """
        torch.manual_seed(config.seed)
        self.config = config
        self.dataset = dataset
        self.workers = workers
        self.device = device
        self.generator = np.random.default_rng(config.seed)
        self.recommender = build_recommender(config.model, config.item, dataset, store).to(device)
        self.recommender.micro_items = config.training.micro_items
        users = self.recommender.user_encoder
        self.samples = users.train_samples(train_sequences_UL1(dataset))
        needs = LOSSES[config.training.loss].needs
        self.negatives = negatives_of(config.training, needs)
        check_samples(self.samples, dataset.num_items, needs, self.negatives)
        self.evaluator = Evaluator(dataset, config.evaluation, workers=workers, device=device)
        steps = num_steps(self.samples, config.training)
        self.optimizer = Optimizer(self.recommender, config.optim, num_steps=steps)
        self.log_popularity_N1 = _log_popularity(dataset).to(device)
        self.loss = BatchLoss(self.recommender, config.training, self.log_popularity_N1, workers)
        # The backward pass begins with the last layers of the user encoder.
        trained = [p for p in self.recommender.parameters() if p.requires_grad]
        self.sums = GradientSums(reversed(trained), workers)
        self.gradients = Gradients(self.recommender, self.loss, self.optimizer, workers)
        if workers.size > 1:
            torch.manual_seed(config.seed + 1_000_003 * workers.rank)

    def train_epoch(self) -> float:
        """Train on every sample once and return the mean loss over steps.

        Raises:
            DivergedError: a step's loss is not finite; the epoch is run to its end all the same.
        """
        self.recommender.train()
        on_device = torch.stack([self.step(Samples.of(batch)) for batch in self.batches()])
        losses = on_device.cpu().numpy()
        if len(wrong := losses[~np.isfinite(losses)]):
            raise DivergedError(f"the training loss became {wrong[0]}")
        return float(np.mean(losses))

    def batches(self) -> Iterator[TrainBatch]:
        """The next epoch's batches; drawing them moves the loader's generator on."""
        return train_batches(
            self.samples,
            self.dataset.num_items,
            self.config.training.batch_size,
            self.generator,
            self.negatives,
        )

    def step(self, samples: Samples) -> Tensor:
        """Update the weights with a batch; its loss over all workers, a scalar on the device.

        Nothing here reads a value of the device: that would wait until it has done all its work.
        """
        self.sums.begin()
        loss = self.gradients.compute(samples)
        self.sums.finish()
        total = self.workers.sum(loss.double())
        self.optimizer.step()
        return total

    def evaluate(self, split: Split, *, kept_lists: int = 0) -> Evaluation:
        """Rank every user's target; see ``Evaluator``, also for what is raised."""
        return self.evaluator.evaluate(self.recommender, split, kept_lists=kept_lists)

    def state(self) -> dict[str, Any]:
        """Everything the next epoch depends on; ``checkpoints.STORED`` describes it."""
        return {
            "weights": self.recommender.state_dict(),
            **self.optimizer.state(),
            "random": self.workers.gather(random_states(self.generator)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to ``state``, also with another number of workers."""
        self.recommender.load_state_dict(state["weights"])
        self.optimizer.restore(state)
        states = state["random"]
        restore_random_states(states[self.workers.rank % len(states)], self.generator)


def _log_popularity(dataset: Dataset) -> Tensor:
    """log p(item) over train interactions, shape (N1,); 0 for padding and unseen items."""
    counts_N1 = torch.from_numpy(train_popularity_N1(dataset)).double()
    log_N1 = (counts_N1 / counts_N1.sum()).log()
    return log_N1.masked_fill(counts_N1 == 0, 0.0).float()
