"""Evaluation: the straightforward way against ours, and memory at the size of MIND."""

import numpy as np
import torch

from morec.data.dataset import Dataset
from morec.data.splits import evaluation_batches
from tests.benchmarks import plain, world
from tests.benchmarks.measure import Row, cpu_seconds, interleaved, peak_mib, peaks_mib, ratios
from tests.benchmarks.settings import Settings
from tests.benchmarks.sides import plain_ids, plain_user

MIND_USERS, MIND_ITEMS = 630_000, 80_000
EVALUATED_USERS = 1_000
"""A twentieth of what the target speaks of, so that five rounds take minutes."""


def evaluation(settings: Settings) -> list[Row]:
    """Full ranking among 10,000 items, at two widths; cost is proportional to users (curves)."""
    dataset = world.mind_like(settings.size(EVALUATED_USERS, 200), settings.size(10_000, 500))
    return [
        *_evaluation(settings, dataset, 512, target=2.7),
        *_evaluation(settings, dataset, 64, target=11.5),
    ]


def _evaluation(settings: Settings, dataset: Dataset, dim: int, *, target: float) -> list[Row]:
    ours = world.trainer(dataset, settings.store, model={"dim": dim})
    user, items = plain_user(ours.recommender.user_encoder), plain_ids(ours)
    batch = next(evaluation_batches(dataset, "valid", dataset.num_users))
    starts = np.searchsorted(batch.history_rows, np.arange(dataset.num_users))
    histories = np.split(batch.history_items, starts[1:])
    windows_UL1 = np.column_stack([batch.inputs_BL, batch.targets_B])

    def plainly(rank: plain.Rank) -> None:
        catalogue = items(torch.arange(dataset.num_items + 1)).detach()
        plain.evaluate(user, catalogue, windows_UL1, histories, rank=rank)

    sides = {
        "sorting": lambda: plainly(plain.ranks_by_sorting),
        "counting": lambda: plainly(plain.ranks_by_counting),
        "ours": lambda: ours.evaluate("valid"),
    }
    seconds = interleaved(sides, settings.rounds)
    against = {side: ratios(seconds[side], seconds["ours"]) for side in ("sorting", "counting")}
    case = f"evaluation, {dataset.num_users:,} users x {dataset.num_items:,} items, d = {dim}"
    return [
        Row(case, "against the paper's sorting", "x", against["sorting"], target),
        Row(case, "against counting in batches", "x", against["counting"]),
        Row(case, "ours", "CPU s", seconds["ours"]),
        *(Row(case, f"peak memory, {n}", "MiB", (peak_mib(run),)) for n, run in sides.items()),
    ]


def mind_evaluation(settings: Settings) -> list[Row]:
    """Peak memory and time of ranking at MIND's size: all users at d = 64, some at d = 512."""
    return [
        *_at_minds_size(settings, 64, settings.size(MIND_USERS, 200)),
        *_at_minds_size(settings, 512, settings.size(2_000, 100)),
    ]


def _at_minds_size(settings: Settings, dim: int, num_users: int) -> list[Row]:
    dataset = world.mind_like(num_users, settings.size(MIND_ITEMS, 500))
    ours = world.trainer(dataset, settings.store, model={"dim": dim})
    seconds: list[float] = []
    grown, whole = peaks_mib(lambda: seconds.append(cpu_seconds(lambda: ours.evaluate("valid"))))
    scores = ours.config.evaluation.batch_size * dataset.num_items * 4 / 2**20
    case = f"evaluation at MIND's size, {dataset.num_items:,} items, d = {dim}"
    minutes = seconds[0] * MIND_USERS / num_users / 60
    note = "" if num_users == MIND_USERS else f"extrapolated from {num_users:,}"
    return [
        Row(
            case,
            f"peak memory, {num_users:,} users",
            "MiB",
            (grown,),
            note=f"{whole:,.0f} MiB with data, model and libraries; "
            f"one block of scores is {scores:.0f} MiB",
        ),
        Row(case, f"{MIND_USERS:,} users", "CPU min", (minutes,), note=note),
    ]
