"""Case: one step of the softmax losses, in blocks of scores against all scores at once.

Shapes: B users, L1 = L + 1 items of each, P = B * L positions, N items, U = N + 1, D width.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from morec.config import TrainingSpec
from morec.losses.full_ce import full_ce
from morec.losses.in_batch_ce import in_batch_ce
from morec.losses.inputs import LossInputs
from tests.benchmarks.measure import Row, interleaved, peak_mib, ratios
from tests.benchmarks.settings import Settings

LENGTH = 50


def losses(settings: Settings) -> list[Row]:
    """Over a catalogue of 100,000 items, and against the plain formula where that fits."""
    num_users = settings.size(64, 8)
    catalogue = settings.size(100_000, 2_000)
    rows = [*_full(settings, _inputs("full_ce", num_users, catalogue, 64))]
    for loss, compute, num_items, dim in (
        ("full_ce", full_ce, settings.size(10_000, 500), 64),
        ("in_batch_ce", in_batch_ce, settings.size(1_000, 300), 64),
        ("in_batch_ce", in_batch_ce, settings.size(3_000, 300), 64),
        ("in_batch_ce", in_batch_ce, settings.size(3_000, 300), 512),
    ):
        inputs = _inputs(loss, num_users, num_items, dim)
        rows += _against_plain(settings, inputs, compute, f"{loss}, {num_items:,} items, d = {dim}")
    return rows


def _full(settings: Settings, inputs: LossInputs) -> list[Row]:
    num_items = inputs.num_items
    case = (
        f"full_ce step, {len(inputs.items_BL1)} users of {LENGTH + 1}, {num_items:,} items, d = 64"
    )
    run = _step(inputs, full_ce)
    peak = peak_mib(run)
    all_scores = len(inputs.states_PD) * num_items * 4 / 2**20
    seconds = interleaved({"ours": run}, min(settings.rounds, 3))["ours"]
    note = f"all scores once: {all_scores:,.0f} MiB"
    return [
        Row(case, "peak memory, ours", "MiB", (peak,), None, note),
        Row(case, "ours", "CPU s", seconds),
    ]


def _against_plain(
    settings: Settings, inputs: LossInputs, compute: Callable[[LossInputs], Tensor], name: str
) -> list[Row]:
    sides = {"plain": _step(inputs, _plain_ce), "ours": _step(inputs, compute)}
    peaks = {side: peak_mib(run) for side, run in sides.items()}
    seconds = interleaved(sides, settings.rounds)
    found = ratios(seconds["plain"], seconds["ours"])
    return [
        Row(f"{name} step", "ours", "x", found),
        *(
            Row(f"{name} step", f"peak memory, {side}", "MiB", (mib,))
            for side, mib in peaks.items()
        ),
    ]


def _step(inputs: LossInputs, compute: Callable[[LossInputs], Tensor]) -> Callable[[], object]:
    leaves = (inputs.states_PD, inputs.vectors_UD)
    return lambda: torch.autograd.grad(compute(inputs), leaves)


def _plain_ce(batch: LossInputs) -> Tensor:
    """All scores at once, with the user's own items hidden; no correction, which costs little."""
    scores_PU = batch.states_PD @ batch.vectors_UD.T
    own_BU = torch.zeros(len(batch.items_BL1), scores_PU.shape[1], dtype=torch.bool)
    own_BU = own_BU.scatter(1, batch.items_BL1, True)
    hidden_PU = scores_PU.masked_fill(own_BU[batch.users_P], float("-inf"))
    target_P1 = scores_PU.gather(1, batch.targets_P[:, None])
    logits_PU = hidden_PU.scatter(1, batch.targets_P[:, None], target_P1)
    return F.cross_entropy(logits_PU, batch.targets_P)


def _inputs(loss: str, num_users: int, num_items: int, dim: int) -> LossInputs:
    generator = torch.Generator().manual_seed(0)
    items_BL1 = torch.randint(1, num_items + 1, (num_users, LENGTH + 1), generator=generator)
    num_positions = num_users * LENGTH
    return LossInputs(
        states_PD=torch.randn(num_positions, dim, generator=generator).requires_grad_(),
        targets_P=items_BL1[:, 1:].flatten(),
        negatives_PK=torch.empty(num_positions, 0, dtype=torch.long),
        shared_M=torch.arange(1, num_items + 1),
        users_P=torch.arange(num_users).repeat_interleave(LENGTH),
        items_BL1=items_BL1,
        vectors_UD=(0.1 * torch.randn(num_items + 1, dim, generator=generator)).requires_grad_(),
        log_popularity_U=torch.full((num_items + 1,), 1 / num_items).log(),
        num_positions=num_positions,
        num_items=num_items,
        training=TrainingSpec.model_validate({"loss": loss}),
    )
