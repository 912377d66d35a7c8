"""Cost against size, ours only: what should grow in proportion, and whether it does."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

from tests.benchmarks import world
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.settings import Settings

Make = Callable[[int], Callable[[], object]]


def curves(settings: Settings) -> list[Row]:
    """CPU seconds over users, items, length and batch, each with the others held."""
    bert = world.bert_folder("tiny", settings.folder)

    def evaluated(users: int, items: int) -> Callable[[], object]:
        ours = world.trainer(world.mind_like(users, items), settings.store, model={"dim": 64})
        return lambda: ours.evaluate("valid")

    def trained(users: int, length: int, batch: int) -> Callable[[], object]:
        dataset = world.mind_like(users, 10_000, max_seq_len=length)
        ours = world.trainer(dataset, settings.store, model={"dim": 64}, batch_size=batch)
        return ours.train_epoch

    def step(batch: int) -> Callable[[], object]:
        dataset = world.mind_like(batch, 10_000)
        return world.trainer(
            dataset, settings.store, item=world.text(bert), batch_size=batch
        ).train_epoch

    return [
        *_curve(settings, "evaluation over users", (500, 1000, 2000), lambda n: evaluated(n, 5000)),
        *_curve(
            settings, "evaluation over items", (5000, 10_000, 20_000), lambda n: evaluated(500, n)
        ),
        *_curve(settings, "ID epoch over users", (320, 640, 1280), lambda n: trained(n, 20, 64)),
        *_curve(settings, "ID epoch over length", (10, 20, 40), lambda n: trained(320, n, 64)),
        *_curve(settings, "end-to-end step over batch", (16, 32, 64), step),
    ]


def _curve(settings: Settings, case: str, sizes: Sequence[int], make: Make) -> list[Row]:
    """One row a size; the note says by how much cost grows where size doubles."""
    if settings.quick:
        sizes = tuple(max(2, size // 10) for size in sizes)
    seconds = interleaved({str(size): make(size) for size in sizes}, settings.rounds)
    middles = [median(seconds[str(size)]) for size in sizes]
    grown = [b / a for a, b in pairwise(middles)]
    notes = ["", *(f"{ratio:.2f}x of half the size" for ratio in grown)]
    return [
        Row(case, f"{size:,}", "CPU s", seconds[str(size)], note=note)
        for size, note in zip(sizes, notes, strict=True)
    ]
