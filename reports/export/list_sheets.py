"""The tables of what arms recommend: metrics of all lists, and the lists of example users."""

from collections.abc import Iterator

from reports.export.sheet import Row, Sheet, sheet_of
from reports.study.examples import ShownItem, ShownPair, ShownUser
from reports.study.report import Report


def recommended_sheet(report: Report) -> Sheet:
    """One row per arm or reference and metric of its lists on the test split, unrounded."""
    seeds = report.summary.manifest.study.seeds
    header = ["dataset", "condition", "arm", "metric", "mean", "sd", "seeds_finished"]
    header += [f"seed_{seed}" for seed in seeds]
    rows = []
    for table in report.recommended:
        for row in table.rows:
            for metric, value in zip(table.metrics, row.values, strict=True):
                finished = None if row.is_reference else len(value.by_seed)
                stats = [value.mean, value.sd, finished]
                by_seed = (value.by_seed.get(seed) for seed in seeds)
                place = [table.dataset, table.place.condition]
                rows.append([*place, row.name, metric, *stats, *by_seed])
    return sheet_of(report.summary, header, rows)


def examples_sheet(report: Report) -> Sheet:
    """One row per user and item: of the history, the target, or a list with the target's rank.

    ``user`` counts within ``higher``, the arm that ranks the target higher. ``place`` counts from
    the best of a list, and in a history from the earliest item.
    """
    header = ["dataset", "condition", "higher", "user", "part", "arm", "rank_of_target", "place"]
    header += ["item", "is_target"]
    rows = (row for pair in report.examples for row in _pair(report, pair))
    return sheet_of(report.summary, header, rows)


def _pair(report: Report, pair: ShownPair) -> Iterator[Row]:
    where = [pair.place.dataset or report.summary.dataset, pair.place.condition]
    for side in pair.sides:
        for number, user in enumerate(side.users, start=1):
            for row in _user(user):
                yield [*where, side.arm, number, *row]


def _user(user: ShownUser) -> Iterator[Row]:
    yield from (["history", None, None, *item] for item in _items(user.history))
    yield ["target", None, None, None, user.target.title, True]
    for one in user.lists:
        yield from (["list", one.arm, one.rank, *item] for item in _items(one.items))


def _items(items: tuple[ShownItem, ...]) -> Iterator[Row]:
    for place, item in enumerate(items, start=1):
        yield [place, item.title, item.is_target]
