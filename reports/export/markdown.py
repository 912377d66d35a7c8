"""A short report as GitHub's Markdown: verdict, accuracy, comparisons, cost, data."""

from collections.abc import Iterable, Iterator, Sequence

from reports import formats
from reports.export.markdown_parts import Raw as _Raw
from reports.export.markdown_parts import bullets as _bullets
from reports.export.markdown_parts import plain as _plain
from reports.export.markdown_parts import table as _table
from reports.study import verdict
from reports.study.accuracy import AccuracyTable, Cell, Group
from reports.study.caveats import caveats
from reports.study.complementarity import Pair
from reports.study.complementarity_words import (
    COLUMNS,
    CONTROL_COLUMNS,
    complementarity_sentences,
    format_pair,
)
from reports.study.contrasts import Contrast
from reports.study.costs import ArmCost, arm_costs
from reports.study.examples_words import how_many_differ, which_trials
from reports.study.holds_words import format_family, format_row, holds_sentence
from reports.study.places import Place
from reports.study.progress import unfinished
from reports.study.recommended import RecommendedTable, format_value
from reports.study.report import Report
from tune_space.inputs.data_profile import format_share
from tune_space.ledger.manifest import DatasetEntry


def markdown_text(report: Report) -> str:
    """The report as one Markdown text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    summary, contrasts = report.summary, report.contrasts
    yield f"# {_plain(summary.manifest.study.question)}"
    warnings = [formats.QUICK_FORM] if summary.is_quick else []
    warnings += ["Synthetic data."] if summary.is_synthetic else []
    for line in (*warnings, *unfinished(summary)):
        yield f"\n> {_plain(line)}"
    for line in verdict.headline(summary, contrasts):
        yield f"\n**{_plain(line)}**"
    yield from _bullets(caveats(summary, contrasts))
    yield from _held(report)
    first = summary.by_condition[0].place.condition
    yield "\n## Accuracy\n\nTest, percent, mean ± standard deviation over seeds."
    for table in report.accuracies:
        yield from _folded(table.place, first, _accuracy(table))
    for part in summary.parts:
        for metric in part.metrics:
            own = [one for one in contrasts if (one.metric, one.place) == (metric, part.place)]
            lines = _contrasts(f"{part.key} {metric}".strip(), own)
            yield from _folded(part.place, first, lines)
    yield from _complementarity(report, first)
    for recommended in report.recommended:
        yield from _folded(recommended.place, first, _recommended(recommended))
    yield from _examples(report)
    costs = arm_costs(summary)
    if costs:
        yield "\n## Cost\n"
        rows = ([*_only_if(first, one.condition), *_cost(one)] for one in costs)
        yield from _table([*_only_if(first, "Condition"), *_COST_COLUMNS], rows)
    if datasets := summary.manifest.datasets:
        yield "\n## Data\n\nUsers, items and interactions are those that trials see.\n"
        rows = ([*_only_if(first, one.condition), *_data(one)] for one in datasets)
        yield from _table([*_only_if(first, "Condition"), *_DATA_COLUMNS], rows)


def _held(report: Report) -> Iterator[str]:
    """Whether each contrast holds under every condition."""
    if report.held:
        yield "\n## Does it hold?"
    for held in report.held:
        yield f"\n**{_plain(holds_sentence(held))}**\n"
        data = ["Dataset"] if held.is_several else []
        header = ["Condition", *data, "Metric", "Δ", "95% interval", "p users", "p users, seeds"]
        rows = []
        for row in held.rows:
            place = row.contrast.place
            names = [place.condition, *([place.dataset] if held.is_several else [])]
            rows.append([*names, row.contrast.metric, *format_row(row)])
        yield from _table([*header, "Finding"], rows)
        yield f"\n{_plain(format_family(held))}"


def _folded(place: Place, first: str, lines: Iterable[str]) -> Iterator[str]:
    """What is about the first condition as it is, what is about another one folded."""
    if place.condition == first:
        yield from lines
        return
    yield f"\n<details><summary>{_plain(place.key)}</summary>"
    yield from lines
    yield "\n</details>"


def _only_if(first: str, cell: str) -> list[str]:
    """A cell about a condition, in a study that has any."""
    return [cell] if first else []


def _accuracy(table: AccuracyTable) -> Iterator[str]:
    """A row per reference and arm, a column per data set and metric."""
    metrics = [f"{one.dataset} {one.metric}" for one in table.measures]
    rows = [[f"{row.name} (reference)", *_cells(row.cells)] for row in table.references]
    for group in table.groups:
        rows += [[_in_group(group, row.name), *_cells(row.cells)] for row in group.rows]
    if not table.groups:
        return
    rows.append(["Improv.", *(one.improvement for one in table.measures)])
    yield ""
    yield from _table(["Method", *metrics], rows)
    for found in table.forced_misses:
        yield f"\n{_plain(found.sentence)}"


def _in_group(group: Group, name: str) -> str:
    return name if group.name in ("", name) else f"{group.name}: {name}"


def _cells(cells: Iterable[Cell]) -> Iterator["_Raw"]:
    for cell in cells:
        text = f"{cell.text} ± {cell.sd}" if cell.sd else cell.text
        text += " †" if cell.is_partial else ""
        yield _Raw(f"**{text}**" if cell.rank == "best" else text)


def _contrasts(title: str, contrasts: Sequence[Contrast]) -> Iterator[str]:
    if not contrasts:
        return
    yield f"\n## Significance, {_plain(title)}\n\nDifferences in percentage points.\n"
    header = ["Comparison", "Kind", "Δ", "95% interval", "p", "Holm p", "Verdict"]
    yield from _table(header, map(_contrast, contrasts))


def _contrast(one: Contrast) -> list[str]:
    pair, d = f"{one.better} − {one.than}", one.difference
    if d is None:
        return [pair, one.kind, *[formats.NOT_AVAILABLE] * 4, one.problem]
    interval = f"{formats.points(d.low)} to {formats.points(d.high)}"
    p, p_holm = formats.p_value(d.p), formats.p_value(one.p_holm)
    return [pair, one.kind, formats.points(d.mean), interval, p, p_holm, str(one.finding)]


def _complementarity(report: Report, first: str) -> Iterator[str]:
    """Whom two arms find together, place by place."""
    for part in report.summary.parts:
        pairs = [one for one in report.pairs if one.place == part.place]
        if any(pair.overlap for pair in pairs):
            yield from _folded(part.place, first, _pairs(part.key, pairs))


def _pairs(key: str, pairs: Sequence[Pair]) -> Iterator[str]:
    yield f"\n## Different users{_plain(f', {key}' if key else '')}\n"
    for sentence in complementarity_sentences(pairs):
        yield f"- {_plain(sentence)}"
    yield f"\nTest users found by {pairs[0].metric}, in percent; differences in points.\n"
    yield from _table([*COLUMNS, *CONTROL_COLUMNS], map(format_pair, pairs))


def _recommended(table: RecommendedTable) -> Iterator[str]:
    yield f"\n## What it recommends, {_plain(table.dataset)}\n"
    yield "Test; coverage and tail share in percent. More is not better by itself.\n"
    yield from _table(["Method", *table.metrics], _recommended_rows(table))


def _recommended_rows(table: RecommendedTable) -> Iterator[list[str]]:
    """Coverage and tail share in percent, as on the page."""
    for row in table.rows:
        cells = (format_value(*one) for one in zip(table.metrics, row.values, strict=True))
        name = f"{row.name} (reference)" if row.is_reference else row.name
        yield [name, *(f"{text} ± {sd}" if sd else text for text, sd in cells)]


def _examples(report: Report) -> Iterator[str]:
    """Each example user's last items, target and its two ranks; the lists are on the page."""
    for pair in report.examples:
        key = pair.place.key
        yield f"\n## Seeing why{_plain(f', {key}' if key else '')}\n"
        yield f"{_plain(which_trials(pair))} {_plain(how_many_differ(pair))}\n"
        header = [
            "Ranked higher by",
            "Last items",
            "Target",
            *(f"Rank, {arm}" for arm in pair.arms),
        ]
        rows = (
            [
                side.arm,
                " · ".join(one.title for one in user.history),
                user.target.title,
                *(f"{one.rank:,}" for one in user.lists),
            ]
            for side in pair.sides
            for user in side.users
        )
        yield from _table(header, rows)


_COST_COLUMNS = ("Dataset", "Method", "#Param", "trainable", "FLOPs", "Time/E", "MU", "Device")


def _cost(one: ArmCost) -> list[str]:
    return [
        one.dataset,
        one.arm,
        formats.count(one.params_total),
        formats.count(one.params_trainable),
        formats.count(one.forward_macs_paper),
        formats.duration(one.epoch_s),
        formats.size(one.peak_memory_bytes),
        " + ".join(one.devices),
    ]


_DATA_COLUMNS = (
    *("Dataset", "Users", "Items", "Interactions", "per user", "per item", "Density"),
    *("Equal times", "Repeats", "New targets", "Cold targets"),
)
"""``per user`` and ``per item`` are medians of what was read."""


def _data(entry: DatasetEntry) -> list[str]:
    sizes = (entry.num_users, entry.num_items, entry.num_interactions)
    row = [entry.dataset or entry.name, *(f"{number:,}" for number in sizes)]
    profile = entry.profile
    if profile is None:
        return [*row, *[formats.NOT_AVAILABLE] * (len(_DATA_COLUMNS) - len(row))]
    targets = profile.test_targets
    shares = (profile.ties, profile.repeats, targets["new"], targets["cold"])
    medians = (f"{one.median:,}" for one in (profile.per_user, profile.per_item))
    density = f"{100 * profile.density:.3g}%"
    return [*row, *medians, density, *map(format_share, shares)]
