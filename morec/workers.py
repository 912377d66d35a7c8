"""The training processes of one trial, and the sums they share; one process needs no group."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Workers:
    """This process's place among the trial's workers.

    Every worker holds the whole model and sees every batch, trains on its slice of the users, and
    adds up gradients with the others: the loss and the update are those of one worker with the
    whole batch, so results do not depend on how many workers there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this worker writes files and reports."""
        return self.rank == 0

    def share(self, num_rows: int) -> slice:
        """This worker's rows of a batch."""
        return slice(self.rank, num_rows, self.size)

    def sum(self, value_: Tensor) -> Tensor:
        """``value_`` summed over workers, in place."""
        if self.size > 1:
            dist.all_reduce(value_)
        return value_

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum every gradient over workers; a parameter one of them did not touch counts as 0."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)

    def gather(self, value: Any) -> list[Any]:
        """Every worker's ``value``, in order of rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values
