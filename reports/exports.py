"""The tables as files: CSV with unrounded numbers, LaTeX (booktabs) as on the page."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

from reports.accuracy import AccuracyTable, ArmRow, Cell
from reports.contrasts import Contrast
from reports.spending import ArmCost, arm_costs, search_seconds
from reports.summary import StudySummary

_SPECIAL = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\N{MINUS SIGN}": "$-$",
    "±": r"$\pm$",
}


def accuracy_csv(summary: StudySummary) -> str:
    """One line per arm and metric, untrained references first; values in [0, 1], test split."""
    seeds = summary.manifest.study.seeds
    header = ["dataset", "group", "arm", "metric", "mean", "sd", "seeds_finished"]
    rows: list[list[object]] = [
        [summary.dataset, "untrained", one.name, metric, one.test.get(metric), None, None]
        for one in summary.manifest.references
        for metric in summary.metrics
    ]
    for arm in summary.arms:
        for metric in summary.metrics:
            by_seed = dict(zip(arm.tested, arm.values(metric), strict=False))
            stats = [arm.mean(metric), arm.sd(metric), len(arm.tested)]
            names = [summary.dataset, arm.entry.group, arm.name, metric]
            rows.append([*names, *stats, *(by_seed.get(seed) for seed in seeds)])
    return _csv([*header, *(f"seed_{seed}" for seed in seeds)], rows)


def contrasts_csv(contrasts: Iterable[Contrast]) -> str:
    """One line per comparison; differences in [-1, 1]."""
    header = ["metric", "better", "than", "kind", "difference", "low", "high", "p", "p_holm"]
    header += ["seeds", "seeds_won", "users", "time_ratio", "finding", "problem"]
    rows = []
    for one in contrasts:
        d = one.difference
        numbers = [d.mean, d.low, d.high, d.p, one.p_holm] if d else [None] * 5
        sizes = [len(one.seeds), d.seeds_won, d.num_users] if d else [None] * 3
        names = [one.metric, one.better, one.than, one.kind]
        rows.append([*names, *numbers, *sizes, one.time_ratio, one.finding, one.problem])
    return _csv(header, rows)


def cost_csv(summary: StudySummary) -> str:
    """One line per arm with a cost: seconds, bytes and counts as recorded."""
    names = [field.name for field in fields(ArmCost)]
    searched = {arm.name: search_seconds(arm) for arm in summary.arms}
    rows = []
    for cost in arm_costs(summary):
        values = asdict(cost) | {
            "uncounted_ops": " ".join(cost.uncounted_ops),
            "devices": "; ".join(cost.devices),
        }
        rows.append([*(values[name] for name in names), searched[cost.arm]])
    return _csv([*names, "search_s"], rows)


def trials_csv(summary: StudySummary) -> str:
    """One line per trial; validation and test metrics in columns of their own."""
    header = ["trial_id", "arm", "role", "seed", "status", "params"]
    valid, test = ([f"{split} {m}" for m in summary.metrics] for split in ("valid", "test"))
    rows = []
    for trial in summary.trials:
        result = trial.result
        params = json.dumps(trial.params, sort_keys=True)
        names = [trial.trial_id, trial.arm, trial.role, trial.seed, trial.status, params]
        splits = (result.valid, result.test) if result else (None, None)
        numbers = [one.metrics.get(m) if one else None for one in splits for m in summary.metrics]
        tail = [len(result.epochs), result.best_epoch, result.error] if result else [None] * 3
        rows.append([*names, *numbers, trial.seconds, *tail])
    return _csv([*header, *valid, *test, "seconds", "epochs", "best_epoch", "error"], rows)


def accuracy_latex(table: AccuracyTable) -> str:
    """The accuracy table for a paper; needs the package booktabs."""
    rows = _arms_down(table) if table.has_arms_as_rows else _arms_across(table)
    comment = f"% {table.dataset}; test accuracy in percent, mean and deviation over seeds"
    partial = (
        [f"% dagger, fewer seeds than wanted: {', '.join(table.partial)}"] if table.partial else []
    )
    comments = [line.replace("\n", " ") for line in (comment, *partial)]
    return "\n".join([*comments, *rows]) + "\n"


def _arms_across(table: AccuracyTable) -> list[str]:
    heading: list[str] = [_spanning(name, len(rows)) for name, rows in table.groups]
    heading += ["", _spanning("untrained", len(table.untrained))]
    names = [[row.name for row in rows] for rows in (table.arms, table.untrained)]
    body = [
        _line(
            table.dataset if index == 0 else "",
            metric,
            *(_latex_cell(row.cells[index]) for row in table.arms),
            table.improvements[index],
            *(_latex_cell(row.cells[index]) for row in table.untrained),
        )
        for index, metric in enumerate(table.metrics)
    ]
    return [
        rf"\begin{{tabular}}{{ll{'r' * (len(names[0]) + 1 + len(names[1]))}}}",
        r"\toprule",
        _line("", "", *heading),
        _line("Dataset", "Metric", *names[0], "Improv.", *names[1]),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _spanning(name: str, columns: int) -> "_Raw":
    return _Raw(rf"\multicolumn{{{columns}}}{{c}}{{{_latex(name)}}}")


def _arms_down(table: AccuracyTable) -> list[str]:
    lines = [
        rf"\begin{{tabular}}{{ll{'r' * len(table.metrics)}}}",
        r"\toprule",
        _line("", "Method", *table.metrics),
    ]
    for name, rows in (("untrained", table.untrained), *table.groups):
        lines += [r"\midrule", *(_arm_line(name if row is rows[0] else "", row) for row in rows)]
    lines += [r"\midrule", _line("", "Improv.", *table.improvements)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _arm_line(group: str, row: ArmRow) -> str:
    return _line(group, row.name, *(_latex_cell(cell) for cell in row.cells))


class _Raw(str):
    """LaTeX already."""


def _latex_cell(cell: Cell) -> _Raw:
    style = {"best": r"\textbf{%s}", "second": r"\underline{%s}"}.get(cell.standing, "%s")
    mark = r"$^\dagger$" if cell.is_partial else ""
    deviation = rf" {{\scriptsize $\pm${cell.sd}}}" if cell.sd else ""
    return _Raw(style % cell.text + mark + deviation)


def _line(*cells: str) -> str:
    return " & ".join(cell if isinstance(cell, _Raw) else _latex(cell) for cell in cells) + r" \\"


def _latex(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in text)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()
