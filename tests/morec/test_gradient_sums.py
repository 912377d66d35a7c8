"""Sums begin during the backward pass, in one order; with a real group in ``test_workers.py``."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from morec import gradient_sums
from morec.gradient_sums import GradientSums, buckets_of
from morec.workers import Workers


@dataclass(frozen=True)
class Noting(Workers):
    """One of two workers; the other one has ten times its gradients, which come at the end."""

    size: int = 2
    noted: list[str] = field(default_factory=list)

    def begin_sum(self, value: Tensor) -> Callable[[], object]:
        self.noted.append(f"begin {value.numel()}")
        return lambda: (self.noted.append(f"wait {value.numel()}"), value.mul_(11))


@pytest.fixture
def each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_sums, "SMALL", 0)


def layers() -> tuple[nn.Linear, nn.Linear]:
    """Parameters of 2 and of 3 numbers."""
    return nn.Linear(1, 2, bias=False), nn.Linear(3, 1, bias=False)


def through(lower: nn.Linear, upper: nn.Linear, noted: list[str]) -> Tensor:
    """A loss whose backward pass notes when it leaves the upper layer."""
    between = lower(torch.ones(1, 1))
    between.register_hook(lambda _: noted.append("below the upper layer"))
    return upper(torch.cat([between, torch.ones(1, 1)], 1)).sum()


def gradients(*modules: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for module in modules for p in module.parameters()]


@pytest.mark.usefixtures("each_alone")
def test_a_sum_begins_while_the_backward_pass_goes_on_below() -> None:
    workers, (lower, upper) = Noting(), layers()
    sums = GradientSums([upper.weight, lower.weight], workers)
    torch.autograd.backward(through(lower, upper, []))
    expected = [11 * gradient for gradient in gradients(lower, upper)]
    for parameter in (lower.weight, upper.weight):
        parameter.grad = None
    workers.noted.clear()
    sums.begin()
    torch.autograd.backward(through(lower, upper, workers.noted))
    sums.finish()
    begun = ["begin 3", "below the upper layer", "begin 2"]
    assert workers.noted == [*begun, "wait 3", "wait 2"]
    torch.testing.assert_close(gradients(lower, upper), expected, rtol=0, atol=0)


@pytest.mark.usefixtures("each_alone")
def test_a_bucket_waits_for_those_before_it_whatever_the_pass_is_done_with_first() -> None:
    workers, (lower, upper) = Noting(), layers()
    sums = GradientSums([lower.weight, upper.weight], workers)
    torch.autograd.backward(through(lower, upper, workers.noted))
    assert workers.noted == ["below the upper layer", "begin 2", "begin 3"]
    sums.finish()


@pytest.mark.usefixtures("each_alone")
def test_what_a_loss_does_not_read_counts_as_zero_and_holds_the_others_back() -> None:
    workers, (lower, upper), unread = Noting(), layers(), nn.Parameter(torch.ones(4))
    sums = GradientSums([unread, upper.weight, lower.weight], workers)
    torch.autograd.backward(through(lower, upper, []))
    assert workers.noted == []
    sums.finish()
    assert workers.noted[:3] == ["begin 4", "begin 3", "begin 2"]
    assert unread.grad.tolist() == [0.0] * 4


def test_a_bucket_begins_once_all_of_it_is_there() -> None:
    workers, (lower, upper) = Noting(), layers()
    sums = GradientSums([upper.weight, lower.weight], workers)
    torch.autograd.backward(through(lower, upper, workers.noted))
    assert workers.noted == ["below the upper layer", "begin 5"]
    before = gradients(lower, upper)
    sums.finish()
    torch.testing.assert_close(gradients(lower, upper), [11 * g for g in before], rtol=0, atol=0)
    assert [p.grad.shape for p in (lower.weight, upper.weight)] == [(2, 1), (1, 3)]


@pytest.mark.usefixtures("each_alone")
def test_a_second_pass_of_a_step_sums_what_the_first_had_not_begun() -> None:
    workers, (lower, upper) = Noting(), layers()
    sums = GradientSums([upper.weight, lower.weight], workers)
    sums.begin()

    def out_of_memory(_: Tensor) -> None:
        raise RuntimeError("no memory left")

    loss = through(lower, upper, [])
    hook = lower.weight.register_hook(out_of_memory)
    with pytest.raises(RuntimeError, match="no memory left"):
        torch.autograd.backward(loss)
    first = upper.weight.grad.clone()
    upper.weight.grad = None
    hook.remove()
    torch.autograd.backward(2 * through(lower, upper, []))
    second = lower.weight.grad.clone()
    assert workers.noted == ["begin 3", "begin 2"]
    sums.finish()
    torch.testing.assert_close(gradients(lower, upper), [11 * second, 11 * first], rtol=0, atol=0)


@pytest.mark.usefixtures("each_alone")
def test_a_gradient_alone_is_summed_where_it_lies() -> None:
    lower, upper = layers()
    sums = GradientSums([upper.weight, lower.weight], Noting())
    torch.autograd.backward(through(lower, upper, []))
    places = [p.grad.data_ptr() for p in (lower.weight, upper.weight)]
    sums.finish()
    assert [p.grad.data_ptr() for p in (lower.weight, upper.weight)] == places


@pytest.mark.usefixtures("each_alone")
def test_every_step_sums_anew() -> None:
    workers, (lower, upper) = Noting(), layers()
    sums = GradientSums([upper.weight, lower.weight], workers)
    for _ in range(2):
        sums.begin()
        lower.weight.grad = upper.weight.grad = None
        torch.autograd.backward(through(lower, upper, []))
        sums.finish()
    assert workers.noted == ["begin 3", "begin 2", "wait 3", "wait 2"] * 2


def test_one_worker_sums_nothing() -> None:
    lower, upper = layers()
    sums = GradientSums([upper.weight, lower.weight], Workers())
    sums.begin()
    torch.autograd.backward(through(lower, upper, []))
    before = gradients(lower, upper)
    sums.finish()
    torch.testing.assert_close(gradients(lower, upper), before, rtol=0, atol=0)
    upper.weight.grad = None
    sums.finish()
    assert upper.weight.grad is None


@given(st.lists(st.integers(0, 12), max_size=20), st.integers(0, 12))
def test_buckets_are_neighbours_and_as_large_as_may_be(sizes: list[int], most: int) -> None:
    parameters = [nn.Parameter(torch.zeros(size)) for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradient_sums, "SMALL", most)
        buckets = list(buckets_of(parameters))
    assert [id(p) for bucket in buckets for p in bucket] == [id(p) for p in parameters]
    totals = [sum(p.numel() for p in bucket) for bucket in buckets]
    assert all(len(b) == 1 or total <= most for b, total in zip(buckets, totals, strict=True))
    for total, after in zip(totals, buckets[1:], strict=False):
        assert total + after[0].numel() > most
