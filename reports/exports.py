"""The tables as CSV files with unrounded numbers; each line says its data set and profile."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields

from reports.contrasts import Contrast
from reports.slices import SliceTable
from reports.spending import ArmCost, arm_costs
from reports.summary import StudySummary, Trial

Row = Sequence[object]


def accuracy_csv(summary: StudySummary) -> str:
    """One line per arm and metric, untrained references first; values in [0, 1], test split."""
    seeds = summary.manifest.study.seeds
    header = ["dataset", "group", "arm", "metric", "mean", "sd", "seeds_finished"]
    header += [f"seed_{seed}" for seed in seeds]
    return _csv(summary, header, (row for part in summary.parts for row in _accuracy(part)))


def _accuracy(part: StudySummary) -> Iterator[Row]:
    for one in part.manifest.references:
        for metric in part.metrics:
            names = [part.dataset, "untrained", one.name, metric, one.test.get(metric)]
            yield [*names, *[None] * (2 + len(part.manifest.study.seeds))]
    for arm in part.arms:
        for metric in part.metrics:
            by_seed = dict(zip(arm.tested, arm.values(metric), strict=False))
            names = [part.dataset, arm.entry.group, arm.label, metric]
            stats = [arm.mean(metric), arm.sd(metric), len(arm.tested)]
            yield [*names, *stats, *(by_seed.get(seed) for seed in part.manifest.study.seeds)]


def contrasts_csv(summary: StudySummary, contrasts: Iterable[Contrast]) -> str:
    """One line per comparison; differences in [-1, 1]."""
    header = ["dataset", "metric", "better", "than", "kind", "difference", "low", "high"]
    header += ["p", "p_holm", "seeds", "seeds_won", "users", "time_ratio", "finding", "problem"]
    rows = []
    for one in contrasts:
        d = one.difference
        numbers = [d.mean, d.low, d.high, d.p, one.p_holm] if d else [None] * 5
        sizes = [len(one.seeds), d.seeds_won, d.num_users] if d else [None] * 3
        names = [one.dataset or summary.dataset, one.metric, one.better, one.than, one.kind]
        rows.append([*names, *numbers, *sizes, one.time_ratio, one.finding, one.problem])
    return _csv(summary, header, rows)


def cost_csv(summary: StudySummary) -> str:
    """One line per arm with a cost: seconds, bytes and counts as recorded."""
    names = [field.name for field in fields(ArmCost)]
    rows = []
    for cost in arm_costs(summary):
        values = asdict(cost) | {
            "uncounted_ops": " ".join(cost.uncounted_ops),
            "devices": "; ".join(cost.devices),
        }
        rows.append([values[name] for name in names])
    return _csv(summary, names, rows)


def slices_csv(summary: StudySummary, tables: Iterable[SliceTable]) -> str:
    """One line per dimension, label and arm; values in [0, 1], differences in [-1, 1]."""
    header = ["dataset", "dimension", "label", "users", "arm", "metric", "mean"]
    header += ["difference", "low", "high", "seeds"]
    rows = []
    for table in tables:
        for row in table.rows:
            for label, cell in zip(table.labels, row.cells, strict=True):
                d = cell.difference
                names = [table.dataset, table.dimension, label.name, label.num_users, row.arm]
                numbers = [d.mean, d.low, d.high, d.num_seeds] if d else [None] * 4
                rows.append([*names, table.metric, cell.mean, *numbers])
    return _csv(summary, header, rows)


def trials_csv(summary: StudySummary) -> str:
    """One line per trial; validation and test metrics in columns of their own."""
    header = ["dataset", "trial_id", "arm", "role", "seed", "status", "params"]
    header += [f"{split} {metric}" for split in ("valid", "test") for metric in summary.metrics]
    header += ["seconds", "epochs", "best_epoch", "error"]
    rows = []
    for dataset, label, trial in _labelled(summary):
        result = trial.result
        params = json.dumps(trial.params, sort_keys=True)
        names = [dataset, trial.trial_id, label, trial.role, trial.seed, trial.status, params]
        splits = (result.valid, result.test) if result else (None, None)
        numbers = [one.metrics.get(m) if one else None for one in splits for m in summary.metrics]
        tail = [len(result.epochs), result.best_epoch, result.error] if result else [None] * 3
        rows.append([*names, *numbers, trial.seconds, *tail])
    return _csv(summary, header, rows)


def _labelled(summary: StudySummary) -> Iterator[tuple[str, str, Trial]]:
    for part in summary.parts:
        for arm in part.arms:
            for trial in arm.trials:
                yield part.dataset, arm.label, trial


def _csv(summary: StudySummary, header: Sequence[str], rows: Iterable[Row]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*header, "profile"])
    writer.writerows([*row, summary.manifest.study.profile] for row in rows)
    return stream.getvalue()
