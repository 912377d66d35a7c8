"""The training processes of one trial, and the sums they share; one process needs no group."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Workers:
    """This process's place among the trial's workers.

    Every worker holds the whole model and sees every batch. It trains on its slice of the users,
    and the workers sum their gradients: loss and update are those of one worker with the whole
    batch. Results depend on the number of workers only by dropout masks and the batch statistics of
    BatchNorm, which are over a slice.
    """

    rank: int = 0
    """0 .. size - 1."""
    size: int = 1
    """More than 1 needs torch's default process group to be initialised."""

    @property
    def is_first(self) -> bool:
        """Whether this worker writes files and reports."""
        return self.rank == 0

    def share(self, num_rows: int) -> slice:
        """This worker's rows of a batch; none if there are fewer rows than workers before it."""
        return slice(self.rank, num_rows, self.size)

    def sum(self, value: Tensor) -> Tensor:
        """``value`` summed over workers, in place."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def begin_sum(self, value: Tensor) -> Callable[[], object]:
        """Begin to sum ``value`` over two or more workers, in place; call the result to wait."""
        work = dist.all_reduce(value, async_op=True)
        return cast(Callable[[], object], work.wait)

    def encode_shares(self, encode: Callable[[Tensor], Tensor], ids_U: Tensor) -> Tensor:
        """``encode(ids_U)``; every worker encodes a share and receives those of the others.

        The gradient of a share is that of the sum of all workers' losses. Shares have the same
        size: where the ids cannot be divided evenly, the first ones are encoded twice.
        """
        if self.size == 1:
            return encode(ids_U)
        each = -(-len(ids_U) // self.size)
        places = torch.arange(self.rank, each * self.size, self.size, device=ids_U.device)
        rows_ND = _Gathered.apply(encode(ids_U[places % len(ids_U)]), self)  # type: ignore[no-untyped-call]
        return cast(Tensor, rows_ND[: len(ids_U)])

    def average_buffers(self, module: nn.Module) -> None:
        """Give every worker the mean of all workers' buffers, such as BatchNorm's statistics."""
        if self.size == 1:
            return
        for buffer in module.buffers():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer /= self.size

    def wait(self) -> None:
        """Return once every worker has called this."""
        if self.size > 1:
            dist.barrier()

    def gather(self, value: Any) -> list[Any]:
        """Every worker's ``value``, in order of rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values


class _Gathered(torch.autograd.Function):
    """The rows of all W workers, one of each worker in turn: (N, D) to (W * N, D)."""

    @staticmethod
    def forward(ctx: Any, rows_ND: Tensor, workers: Workers) -> Tensor:
        ctx.workers = workers
        parts = [torch.empty_like(rows_ND) for _ in range(workers.size)]
        dist.all_gather(parts, rows_ND.contiguous())
        return torch.stack(parts, 1).flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grad,) = grads
        precise = grad.to(torch.promote_types(grad.dtype, torch.float32), copy=True).contiguous()
        mine = ctx.workers.sum(precise)[ctx.workers.rank :: ctx.workers.size]
        return mine.to(grad.dtype), None
