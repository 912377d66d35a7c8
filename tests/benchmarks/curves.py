"""Cost against size, ours only: what should grow in proportion, and whether it does."""

from collections.abc import Callable, Sequence

import numpy as np

from tests.benchmarks import world
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.settings import Settings

Run = Callable[[], object]


def curves(settings: Settings) -> list[Row]:
    """CPU seconds over users, items, lengths and batch, each with the others held."""
    bert = world.bert_folder("tiny", settings.folder)

    def evaluated(users: int, items: int) -> Run:
        ours = world.trainer(world.mind_like(users, items), settings.store, model={"dim": 64})
        return lambda: ours.evaluate("valid")

    def trained(users: int, length: int) -> Run:
        dataset = world.mind_like(users, 10_000, max_seq_len=length, mean_length=0.7 * length)
        ours = world.trainer(dataset, settings.store, model={"dim": 64}, batch_size=64)
        return ours.train_epoch

    def step(batch: int, words: int = 11) -> Run:
        dataset = world.mind_like(batch, 10_000, mean_words=words)
        text = world.text(bert)["text"] | {"max_tokens": 128}
        return world.trainer(
            dataset, settings.store, item={"text": text}, batch_size=batch
        ).train_epoch

    cases: dict[str, tuple[tuple[int, ...], Callable[[int], Run]]] = {
        "evaluation over users": ((1000, 2000, 4000), lambda n: evaluated(n, 5000)),
        "evaluation over items": ((10_000, 20_000, 40_000), lambda n: evaluated(2000, n)),
        "ID epoch over users": ((320, 640, 1280), lambda n: trained(n, 20)),
        "ID epoch over history": ((20, 40, 80), lambda n: trained(320, n)),
        "end-to-end step over title length": ((11, 22, 44), lambda n: step(32, n)),
        "end-to-end step over batch": ((16, 32, 64), step),
    }
    return [
        row for case, (sizes, make) in cases.items() for row in _curve(settings, case, sizes, make)
    ]


def _curve(
    settings: Settings, case: str, sizes: Sequence[int], make: Callable[[int], Run]
) -> list[Row]:
    """A row for each size, and the exponent of the power law through them, round by round."""
    if settings.quick:
        sizes = tuple(size // 5 for size in sizes)
    seconds = interleaved({str(size): make(size) for size in sizes}, settings.rounds)
    points = [Row(case, f"{size:,}", "CPU s", seconds[str(size)]) for size in sizes]
    rounds = zip(*(row.values for row in points), strict=True)
    exponents = tuple(float(np.polyfit(np.log(sizes), np.log(each), 1)[0]) for each in rounds)
    return [*points, Row(case, "grows with the power", "", exponents, note="1 is in proportion")]
