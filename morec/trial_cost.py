"""What a trial has spent so far: time, memory, energy, and what its model's size asks for."""

import time
from statistics import median
from typing import Any

import torch

from morec import cost
from morec.encoders.macs import count_macs
from morec.energy import EnergyMeter
from morec.models.recommender import Samples
from morec.progress import Progress
from morec.results import Cost
from morec.trainer import Trainer

_EARLIER = "a part of the trial, before an interruption or of another worker, was not measured"


class CostMeter:
    """Clock, memory and energy of one start of a trial; made before the trial's model is."""

    def __init__(self, device: torch.device) -> None:
        self._started = time.perf_counter()
        self._memory = cost.PeakMemory(device)
        self.energy = EnergyMeter(device)

    def spent_s(self, progress: Progress) -> float:
        """Seconds of the trial, over all its starts."""
        return progress.spent_s + time.perf_counter() - self._started

    def _why_unknown(self, energy_j: float | None) -> str:
        return "" if energy_j is not None else self.energy.missing or _EARLIER

    def read(self, trainer: Trainer, progress: Progress, macs: dict[str, Any]) -> Cost:
        """The cost up to now; ``macs`` come from ``forward_macs``."""
        total, trainable = cost.count_parameters(trainer.recommender)
        train_s = [record.train_s for record in progress.epochs]
        eval_s = [record.eval_s for record in progress.epochs]
        energy_j = progress.energy_j if train_s else None
        return Cost(
            params_total=total,
            params_trainable=trainable,
            first_epoch_s=train_s[0] if train_s else None,
            epoch_s=median(train_s[1:]) if len(train_s) > 1 else None,
            eval_s=median(eval_s) if eval_s else None,
            total_s=self.spent_s(progress),
            peak_memory_bytes=self._memory.num_bytes(),
            memory_kind=self._memory.kind,
            peak_host_bytes=self._memory.num_host_bytes(),
            energy_j=energy_j,
            energy_counter=self.energy.name,
            energy_missing=self._why_unknown(energy_j) if train_s else "",
            device=cost.device_name(trainer.device, trainer.config.training.precision),
            micro_items=trainer.recommender.micro_items,
            **macs,
        )


def forward_macs(trainer: Trainer) -> dict[str, Any]:
    """Multiply-accumulates of a training sample, by the names ``Cost`` gives them.

    The trainer is left as it was: no batch counts as drawn.
    """
    state = trainer.generator.bit_generator.state
    batch = next(trainer.batches())
    trainer.generator.bit_generator.state = state
    samples = Samples.of(batch)
    # In evaluation mode, so that BatchNorm's statistics do not move; the count is the same.
    trainer.recommender.eval()
    macs, uncounted = count_macs(lambda: trainer.recommender(samples))
    num_inputs = samples.items_BL1.shape[1] - 1
    return {
        "forward_macs_paper": cost.paper_macs(trainer.recommender, num_inputs, trainer.device),
        "forward_macs_run": macs // len(samples.users_B),
        "uncounted_ops": tuple(sorted(uncounted)),
    }
