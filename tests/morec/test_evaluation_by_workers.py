"""Workers that rank a share of the batches each come to the evaluation of one."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, ClassVar

import pytest
from torch import nn

from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.evaluation import Evaluator
from morec.results import Evaluation
from morec.workers import Workers
from tests.morec.tiny_trainers import CPU, trainer_of
from tests.morec.tiny_trials import tiny_config


class InThreads(Workers):
    """Workers that are threads of this process."""

    values: ClassVar[dict[int, Any]]
    barrier: ClassVar[Barrier]

    def gather(self, value: Any) -> list[Any]:
        self.barrier.wait()
        self.values[self.rank] = value
        self.barrier.wait()
        found = [self.values[rank] for rank in range(self.size)]
        self.barrier.wait()
        return found

    def average_buffers(self, module: nn.Module) -> None:
        """The threads have one module."""


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("size", [2, 3])
def test_workers_that_share_the_batches_come_to_the_evaluation_of_one(
    split: Split, size: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Five batches of 9 users at most: no worker has as many as each other one."""
    spec = {"batch_size": 9, "ks": (3, 10), "candidates": "trained"}
    trainer = trainer_of(tiny_config(evaluation=spec), tiny_dataset, tmp_path)
    expected = trainer.evaluate(split, kept_lists=20)
    InThreads.values, InThreads.barrier = {}, Barrier(size, timeout=60)

    def evaluate(rank: int) -> Evaluation:
        evaluator = Evaluator(
            tiny_dataset,
            trainer.config.evaluation,
            workers=InThreads(rank, size),
            device=CPU,
        )
        return evaluator.evaluate(trainer.recommender, split, kept_lists=20)

    with ThreadPoolExecutor(size) as pool:
        assert list(pool.map(evaluate, range(size))) == [expected] * size
    assert (expected.kept_lists is None) == (split == "valid")
