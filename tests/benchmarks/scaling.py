"""One training process against two that share the same total batch, over gloo on this machine."""

import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from morec.workers import Workers
from tests.benchmarks import world
from tests.benchmarks.measure import Row
from tests.benchmarks.settings import Settings

BATCH_SIZE = 32
TIMEOUT = timedelta(seconds=300)


def scaling(settings: Settings) -> list[Row]:
    """BERT-tiny trained end to end by one and by two workers, batch 32 in all."""
    world.bert_folder("tiny", settings.folder)
    num_users = settings.size(320, 64)
    rows = []
    for loss in ("bce", "in_batch_ce"):
        spent: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for _ in range(settings.rounds):
            for size, rounds in spent.items():
                rounds.append(_epoch(settings.folder, loss, size, num_users))
        rows += _rows(f"1 and 2 workers, BERT-tiny, {loss}", spent, num_users)
    return rows


def _rows(case: str, spent: dict[int, list[tuple[float, float]]], num_users: int) -> list[Row]:
    """CPU and wall time of a sequence, and how much faster two workers are than one."""
    faster = tuple(one / two for (_, one), (_, two) in zip(spent[1], spent[2], strict=True))
    rows = [Row(case, "2 workers against 1, wall time", "x", faster, note="2 would be perfect")]
    for size, rounds in spent.items():
        for number, kind in enumerate(("CPU", "wall")):
            values = tuple(1000 * seconds[number] / num_users for seconds in rounds)
            rows.append(Row(case, f"a sequence, {size} workers", f"ms {kind}", values))
    return rows


def _epoch(folder: Path, loss: str, size: int, num_users: int) -> tuple[float, float]:
    """CPU seconds of all workers, and wall seconds, of an epoch after one to get warm."""
    meeting = folder / "meeting"
    meeting.unlink(missing_ok=True)
    results = mp.get_context("spawn").SimpleQueue()
    mp.spawn(_work, (size, folder, loss, num_users, results), nprocs=size)
    spent = [results.get() for _ in range(size)]
    return sum(cpu for cpu, _ in spent), max(wall for _, wall in spent)


def _work(
    rank: int,
    size: int,
    folder: Path,
    loss: str,
    num_users: int,
    results: "mp.SimpleQueue[tuple[float, float]]",
) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder.resolve()}/meeting",
        rank=rank,
        world_size=size,
        timeout=TIMEOUT,
    )
    trainer = world.trainer(
        world.mind_like(num_users, 10_000),
        folder / "artefacts",
        item=world.text(folder / "tiny"),
        training={"loss": loss},
        batch_size=BATCH_SIZE,
        workers=Workers(rank, size),
    )
    trainer.train_epoch()
    dist.barrier()
    cpu, wall = time.process_time(), time.perf_counter()
    trainer.train_epoch()
    results.put((time.process_time() - cpu, time.perf_counter() - wall))
    dist.destroy_process_group()
