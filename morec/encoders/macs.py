"""Counts the multiply-accumulates of a forward pass."""

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import wraps
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry, sdpa_flop_count, shape_wrapper


def _attention_flops(
    query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any
) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


def _recurrent_flops(inputs: torch.Size, weights: Sequence[torch.Size], *_: Any, **__: Any) -> int:
    """Every matrix once for every one of the (L, B) or (B, L) inputs; biases are vectors."""
    return 2 * inputs[0] * inputs[1] * sum(w.numel() for w in weights if len(w) == 2)


_FORMULAS = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._cudnn_rnn: _recurrent_flops,
}
"""Attention on the CPU and recurrent layers on a GPU, which torch's own table lacks."""
_MISFITS = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)
"""What a formula raises for inputs that it was not written for."""
_MULTIPLIES = re.compile(r"mm|dot|conv|attention|linear|matmul|rnn")
"""Operations that multiply and accumulate; all others (norms, activations, shapes) count as 0."""


def count_macs(run: Callable[[], object]) -> tuple[int, set[str]]:
    """Multiply-accumulates of ``run()`` and the names of its operations that could not be counted.

    These have no formula, or one that does not fit their inputs. Runs without gradients; the random
    states are left as they were.
    """
    uncounted = _Uncounted()
    ours = {op: shape_wrapper(f) for op, f in _FORMULAS.items()}  # type: ignore[no-untyped-call]
    formulas = {**flop_registry, **ours}
    guarded = {op: _guarded(op, formula, uncounted.names) for op, formula in formulas.items()}
    counter = FlopCounterMode(display=False, custom_mapping=guarded)
    # Only totals are read; torch's tracker fails on models that hand weights to a module as inputs.
    counter.mod_tracker = _NoModules()  # type: ignore[assignment]
    # The counter takes an unknown operation apart first: what reaches the outer mode is the rest.
    with (
        torch.random.fork_rng(_cuda_device()),
        torch.no_grad(),
        uncounted,
        counter,
    ):
        run()
    return counter.get_total_flops() // 2, uncounted.names


def _guarded(op: Any, formula: Callable[..., int], failed: set[str]) -> Callable[..., int]:
    """The same formula, but where it raises, the operation counts nothing and is named."""

    @wraps(formula)
    def count(*args: Any, **kwargs: Any) -> int:
        try:
            return formula(*args, **kwargs)
        except _MISFITS:
            failed.add(op.__name__)
            return 0

    count._get_raw = True  # type: ignore[attr-defined]
    return count


class _NoModules(nullcontext[None]):
    """In the place of torch's tracker of modules: everything counts towards the total."""

    parents = frozenset({"Global"})


def _cuda_device() -> list[int]:
    return [torch.cuda.current_device()] if torch.cuda.is_available() else []


class _Uncounted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        is_counted = packet in flop_registry or packet in _FORMULAS
        if not is_counted and _MULTIPLIES.search(packet.__name__):
            self.names.add(packet.__name__)
        return func(*args, **(kwargs or {}))
