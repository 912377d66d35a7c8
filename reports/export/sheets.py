"""The tables of a report as plain rows, from which CSV, JSON and pandas frames are made.

Numbers are unrounded, times in seconds, memory in bytes. Each row names its data set and profile.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields

from morec.results import Evaluation
from reports.export.list_sheets import examples_sheet, recommended_sheet
from reports.export.sheet import Row, Sheet, place_columns, sheet_of
from reports.export.trial_sheets import trials_sheet
from reports.study import verdict
from reports.study.caveats import caveats, further_caveats
from reports.study.complementarity_words import complementarity_sentences
from reports.study.costs import ArmCost, arm_costs
from reports.study.forced_misses import forced_miss_share, forced_misses
from reports.study.holds_words import holds_sentences
from reports.study.importance import importance_table
from reports.study.preparations import preparation_costs
from reports.study.progress import unfinished
from reports.study.report import Report
from reports.study.summary import StudySummary
from tune_space.inputs.data_profile import QUANTILES, numbers, quantiles_of
from tune_space.ledger.manifest import DatasetEntry

_SIZES = ("users", "items", "interactions")
_SHARES = ("density", "top_tenth", "ties", "repeats", "unknown_items")
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of a formula; the last four are full-width, which some spreadsheets read alike."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def sheets(report: Report) -> dict[str, Sheet]:
    """Every table by name.

    Left out where there is none: holds, complementarity, data, preparations, importance,
    recommended, examples, slices.
    """
    made = {
        "accuracy": accuracy_sheet(report.summary),
        "contrasts": contrasts_sheet(report),
        "cost": cost_sheet(report.summary),
        "trials": trials_sheet(report.summary),
    }
    if report.held:
        made["holds"] = holds_sheet(report)
    if any(pair.overlap for pair in report.pairs):
        made["complementarity"] = complementarity_sheet(report)
    if report.summary.manifest.datasets:
        made["data"] = data_sheet(report.summary)
    if report.summary.manifest.preparations:
        made["preparations"] = preparations_sheet(report.summary)
    if any(arm.entry.importance for arm in report.summary.arms):
        made["importance"] = importance_sheet(report.summary)
    if report.recommended:
        made["recommended"] = recommended_sheet(report)
    if report.examples:
        made["examples"] = examples_sheet(report)
    return made | ({"slices": slices_sheet(report)} if report.sliced else {})


def csv_text(sheet: Sheet) -> str:
    """A sheet as CSV; unknown values are empty, and no text can run as a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_neutral(cell) for cell in row] for row in (sheet.header, *sheet.rows))
    return stream.getvalue()


def _neutral(cell: object) -> object:
    """Text that a spreadsheet would run as a formula, with an apostrophe before it (OWASP).

    A carriage return becomes a line feed, since the csv module does not quote it.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    is_formula = text.startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def json_text(report: Report) -> str:
    """The whole report as one JSON object: its sentences, and every sheet as records."""
    summary, study = report.summary, report.summary.manifest.study
    whole = {
        "study": study.name,
        "question": study.question,
        "state": summary.manifest.state,
        "profile": study.profile,
        "is_synthetic": summary.is_synthetic,
        "updated_at": summary.manifest.updated_at,
        "verdict": verdict.headline(summary, report.contrasts),
        "holds": holds_sentences(report.held),
        "complementarity": complementarity_sentences(report.pairs),
        "caveats": caveats(summary, report.contrasts),
        "further_caveats": further_caveats(summary, report.contrasts),
        "unfinished": unfinished(summary),
        "tables": {name: sheet.records() for name, sheet in sheets(report).items()},
    }
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def accuracy_sheet(summary: StudySummary) -> Sheet:
    """One row per arm and metric, references first; values in [0, 1], test split.

    ``forced_misses`` is the share of test targets that no arm can find; ``note`` says what that
    means.
    """
    seeds = summary.manifest.study.seeds
    header = ["dataset", "condition", "group", "arm", "metric", "mean", "sd", "seeds_finished"]
    header += [*(f"seed_{seed}" for seed in seeds), "forced_misses", "note"]
    return sheet_of(summary, header, (row for part in summary.parts for row in _accuracy(part)))


def _accuracy(part: StudySummary) -> Iterator[Row]:
    for one in part.manifest.references:
        for metric in part.metrics:
            names = [*place_columns(part), "reference", one.name, metric, one.test_value(metric)]
            missed = _forced_misses(part, [one.test_evaluation])
            yield [*names, *[None] * (2 + len(part.manifest.study.seeds)), *missed]
    for arm in part.arms:
        for metric in part.metrics:
            by_seed = dict(zip(arm.tested, arm.values(metric), strict=False))
            names = [*place_columns(part), arm.entry.group, arm.label, metric]
            stats = [arm.mean(metric), arm.sd(metric), len(arm.tested)]
            values = (by_seed.get(seed) for seed in part.manifest.study.seeds)
            missed = _forced_misses(part, [result.test for result in arm.tested.values()])
            yield [*names, *stats, *values, *missed]


def _forced_misses(part: StudySummary, tests: Iterable[Evaluation | None]) -> Row:
    """The largest share of the tests, and the note where it is not 0."""
    share = max((forced_miss_share(test) for test in tests if test), default=None)
    found = forced_misses(part) if share else None
    return [share, found.sentence if found else None]


def contrasts_sheet(report: Report) -> Sheet:
    """One row per comparison; differences in [-1, 1]."""
    header = ["dataset", "condition", "metric", "better", "than", "kind"]
    header += ["difference", "low", "high", "p", "p_holm", "seeds", "seeds_won", "users"]
    header += ["time_ratio", "finding", "problem"]
    rows = []
    for one in report.contrasts:
        d = one.difference
        numbers = [d.mean, d.low, d.high, d.p, one.p_holm] if d else [None] * 5
        sizes = [len(one.seeds), d.seeds_won, d.num_users] if d else [None] * 3
        where = one.place.dataset or report.summary.dataset
        names = [where, one.place.condition, one.metric, one.better, one.than, one.kind]
        rows.append([*names, *numbers, *sizes, one.time_ratio, str(one.finding), one.problem])
    return sheet_of(report.summary, header, rows)


def holds_sheet(report: Report) -> Sheet:
    """One row per contrast, condition and data set; p-values adjusted over the contrast's rows.

    ``counts``: whether the row has trials of its own; ``note``: what is missing or unchanged.
    """
    header = ["dataset", "condition", "metric", "better", "than", "kind", "difference", "low"]
    header += ["high", "p", "p_holm", "p_t_holm", "seeds", "finding", "counts", "note"]
    rows = []
    for row in (row for held in report.held for row in held.rows):
        one = row.contrast
        d = one.difference
        numbers = [d.mean, d.low, d.high, d.p, one.p_holm, one.p_t_holm] if d else [None] * 6
        where = [one.place.dataset or report.summary.dataset, one.place.condition]
        names = [*where, one.metric, one.better, one.than, one.kind]
        finding = str(one.finding) if row.counts else None
        rows.append([*names, *numbers, len(one.seeds), finding, row.counts, "; ".join(row.notes)])
    return sheet_of(report.summary, header, rows)


def complementarity_sheet(report: Report) -> Sheet:
    """One row per pair of arms; shares of the test users in [0, 1], differences in [-1, 1].

    ``better``: the arm whose two seeds find more; ``excess`` is the union minus those.
    """
    header = ["dataset", "condition", "metric", "first", "second", "kind", "seeds", "both"]
    header += ["only_first", "only_second", "neither", "union", "two_seeds_first"]
    header += [
        "two_seeds_second",
        "better",
        "excess",
        "low",
        "high",
        "p_holm",
        "finding",
        "problem",
    ]
    rows = []
    for one in report.pairs:
        o, d = one.overlap, one.excess
        shares = [o.both, o.only_first, o.only_second, o.neither, o.union] if o else [None] * 5
        controls = [o.two_first, o.two_second] if o else [None] * 2
        numbers = [one.better, d.mean, d.low, d.high] if d else [None] * 4
        where = [one.place.dataset or report.summary.dataset, one.place.condition]
        names = [*where, one.metric, one.first, one.second, one.kind, len(one.seeds)]
        found = [one.p_holm, str(one.finding), one.problem]
        rows.append([*names, *shares, *controls, *numbers, *found])
    return sheet_of(report.summary, header, rows)


def cost_sheet(summary: StudySummary) -> Sheet:
    """One row per arm with a cost: seconds, bytes and counts as recorded."""
    names = [field.name for field in fields(ArmCost)]
    rows = []
    for cost in arm_costs(summary):
        values = asdict(cost) | {
            "uncounted_ops": " ".join(cost.uncounted_ops),
            "devices": "; ".join(cost.devices),
            "energy_counters": "; ".join(cost.energy_counters),
            "energy_missing": "; ".join(cost.energy_missing),
        }
        rows.append([values[name] for name in names])
    return sheet_of(summary, names, rows)


def data_sheet(summary: StudySummary) -> Sheet:
    """One row per data set and measure: sizes, quantiles, shares in [0, 1], counts of the rules."""
    header = ["dataset", "condition", "name", "measure", "value"]
    rows = [
        [entry.dataset or entry.name, entry.condition, entry.name, measure, value]
        for entry in summary.manifest.datasets
        for measure, value in _measures(entry)
    ]
    return sheet_of(summary, header, rows)


def _measures(entry: DatasetEntry) -> Iterator[tuple[str, float]]:
    yield from {name: getattr(entry, f"num_{name}") for name in _SIZES}.items()
    if profile := entry.profile:
        yield from {f"read {name}": getattr(profile, f"num_{name}") for name in _SIZES}.items()
        yield from {name: getattr(profile, name) for name in _SHARES}.items()
        if profile.times:
            yield from {"first_s": profile.times.first_s, "last_s": profile.times.last_s}.items()
        yield from ((f"test targets {name}", x) for name, x in profile.test_targets.items())
        for name, quantiles in quantiles_of(profile).items():
            yield from zip((f"{name} {at}" for at in QUANTILES), numbers(quantiles), strict=True)
    yield from ((f"rule {rule}", number) for rule, number in entry.counts.items())


def preparations_sheet(summary: StudySummary) -> Sheet:
    """One row per artefact that trials share; seconds and bytes."""
    header = ["name", "key", "seconds", "num_bytes", "used_by", "trials", "seconds_per_trial"]
    header += ["instead", "instead_trial_s", "pays_after_trials", "counts", "read_as"]
    rows = []
    for one in preparation_costs(summary):
        made, other = one.made, one.alternative
        names = [made.name, made.key, made.seconds, made.num_bytes, "; ".join(made.used_by)]
        against = [other.arm, other.trial_s, other.pays_after] if other else [None] * 3
        counts = "; ".join(f"{rule} {number}" for rule, number in made.counts.items())
        said = [counts, "; ".join(made.read_as)]
        rows.append([*names, one.num_trials, one.per_trial_s, *against, *said])
    return sheet_of(summary, header, rows)


def importance_sheet(summary: StudySummary) -> Sheet:
    """One row per arm and searched parameter: its share in [0, 1], and from how many trials."""
    table = importance_table(summary)
    rows = [
        [row.arm, path, share, row.num_trials]
        for row in table.rows
        for path, share in zip(table.paths, row.shares, strict=True)
        if share is not None
    ]
    return sheet_of(summary, ["arm", "path", "share", "trials"], rows)


def slices_sheet(report: Report) -> Sheet:
    """One row per dimension, label and arm; values in [0, 1], differences in [-1, 1]."""
    header = ["dataset", "condition", "dimension", "label", "users", "arm", "metric", "mean"]
    header += ["difference", "low", "high", "seeds"]
    rows = []
    for table in report.sliced:
        for row in table.rows:
            for label, cell in zip(table.labels, row.cells, strict=True):
                d = cell.difference
                where = [table.dataset, table.place.condition]
                names = [*where, table.dimension, label.name, label.num_users, row.arm]
                numbers = [d.mean, d.low, d.high, d.num_seeds] if d else [None] * 4
                rows.append([*names, table.metric, cell.mean, *numbers])
    return sheet_of(report.summary, header, rows)
