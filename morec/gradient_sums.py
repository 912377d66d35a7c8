"""Sums gradients over workers, bucket by bucket, while the backward pass still computes others."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from morec.workers import Workers

SMALL = 2**20
"""Gradients of at most so many numbers are summed together, which saves exchanges."""


class GradientSums:
    """The gradients of a model's parameters, summed by all workers in the same buckets and order.

    A bucket's sum begins once all its gradients are there and the buckets before it have begun.
    Where the order differed between workers, they would sum different numbers. One worker sums
    nothing.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], workers: Workers) -> None:
        """Take what is trained, in the order in which the backward pass is done with it."""
        self._workers = workers
        self._buckets = list(buckets_of(parameters)) if workers.size > 1 else []
        self._begun: list[tuple[Tensor, Callable[[], object]]] = []
        for bucket in self._buckets:
            for parameter in bucket:
                parameter.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                    self._begin_what_is_there
                )

    def begin(self) -> None:
        """Begin a step, whose gradients are not there yet."""
        self._begun.clear()

    def finish(self) -> None:
        """Give every parameter its sum; what a worker's loss does not read counts as 0.

        Where a backward pass ran out of memory and another one followed, a bucket that had begun
        keeps the gradient of the first: of the same loss, with other dropout masks.
        """
        while len(self._begun) < len(self._buckets):
            self._begin_next()
        for bucket, (joined, wait) in zip(self._buckets, self._begun, strict=True):
            wait()
            parts = torch.split(joined, [parameter.numel() for parameter in bucket])
            for parameter, part in zip(bucket, parts, strict=True):
                parameter.grad = part.view_as(parameter)

    def _begin_what_is_there(self, _: Tensor) -> None:
        while len(self._begun) < len(self._buckets) and all(
            parameter.grad is not None for parameter in self._buckets[len(self._begun)]
        ):
            self._begin_next()

    def _begin_next(self) -> None:
        gradients = [_gradient(parameter) for parameter in self._buckets[len(self._begun)]]
        # One gradient, often a large one, is summed where it lies.
        joined = torch.cat(gradients) if len(gradients) > 1 else gradients[0]
        self._begun.append((joined, self._workers.begin_sum(joined)))


def buckets_of(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Neighbours of at most ``SMALL`` numbers together; a larger parameter alone."""
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        if bucket and sum(p.numel() for p in bucket) + parameter.numel() > SMALL:
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket


def _gradient(parameter: nn.Parameter) -> Tensor:
    """A parameter's gradient, flat."""
    if parameter.grad is None:
        return parameter.new_zeros(parameter.numel())
    return parameter.grad.flatten()
