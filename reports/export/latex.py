"""Tables as LaTeX: accuracy, conditions, complementarity. They need the package booktabs."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from reports.formats import ABSENT, MINUS, QUICK_FORM
from reports.study.accuracy import AccuracyTable, ArmRow, Cell
from reports.study.complementarity import Pair
from reports.study.complementarity_words import (
    COLUMNS,
    CONTROL_COLUMNS,
    complementarity_sentences,
    format_pair,
)
from reports.study.holds import HeldContrast
from reports.study.holds_words import format_family, format_row, holds_sentence
from reports.study.summary import StudySummary

_SPECIAL = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # Right after the end of a row, these two would be its options.
    "[": "{[}",
    "*": "{*}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    MINUS: "$-$",
    ABSENT: "---",
    "±": r"$\pm$",
}


def accuracy_latex(summary: StudySummary, tables: Sequence[AccuracyTable]) -> str:
    """Every accuracy table with its notes as comments above it."""
    notes = [QUICK_FORM] if summary.is_quick else []
    blocks = ["\n".join([*_comments(table, notes), *_tabular(table)]) for table in tables]
    return "\n\n".join(blocks) + "\n"


def holds_latex(held: Sequence[HeldContrast]) -> str:
    """A table per contrast: a row per condition. Its sentence and its family are comments."""
    return "\n\n".join("\n".join(_held(one)) for one in held) + "\n"


def _held(held: HeldContrast) -> Iterator[str]:
    for line in (holds_sentence(held), format_family(held)):
        yield "% " + " ".join(line.split())
    names = ["Dataset", "Condition"] if held.is_several else ["Condition"]
    yield rf"\begin{{tabular}}{{{'l' * len(names)}lrrrrl}}"
    heads = ("Metric", _Raw(r"$\Delta$"), "95% interval", "p users", "p users, seeds", "Finding")
    yield from (r"\toprule", _latex_row(*names, *heads), r"\midrule")
    for row in held.rows:
        place = row.contrast.place
        names = [place.dataset, place.condition] if held.is_several else [place.condition]
        yield _latex_row(*names, row.contrast.metric, *format_row(row))
    yield from (r"\bottomrule", r"\end{tabular}")


def complementarity_latex(pairs: Sequence[Pair]) -> str:
    """A table of all pairs of arms: a row per pair and place. Sentences are comments."""
    comments = ["% " + " ".join(line.split()) for line in complementarity_sentences(pairs)]
    has_places = any(pair.place.key for pair in pairs)
    names = ["Place"] if has_places else []
    begin = rf"\begin{{tabular}}{{{'l' * (len(names) + 2)}{'r' * 9}l}}"
    rows = [
        _latex_row(*([pair.place.key] if has_places else []), *format_pair(pair)) for pair in pairs
    ]
    heads = _latex_row(*names, *COLUMNS, *CONTROL_COLUMNS)
    rules = r"\toprule", r"\midrule", r"\bottomrule"
    body = [begin, rules[0], heads, rules[1], *rows, rules[2], r"\end{tabular}"]
    return "\n".join([*comments, *body]) + "\n"


def _comments(table: AccuracyTable, notes: Sequence[str]) -> Iterator[str]:
    lines = [f"{table.title}; test accuracy in percent, mean and deviation over seeds", *notes]
    if table.partial:
        lines.append(f"dagger, fewer seeds than wanted: {', '.join(table.partial)}")
    lines += [found.sentence for found in table.forced_misses]
    for line in lines:
        yield "% " + " ".join(line.split())


def _tabular(table: AccuracyTable) -> list[str]:
    columns, head, body = _arms_down(table) if table.has_arms_as_rows else _arms_across(table)
    rules = r"\toprule", r"\midrule", r"\bottomrule"
    begin = rf"\begin{{tabular}}{{ll{'r' * (columns - 2)}}}"
    notes = [_note(columns, found.row) for found in table.forced_misses]
    return [begin, rules[0], *head, rules[1], *body, rules[2], *notes, r"\end{tabular}"]


def _note(columns: int, text: str) -> str:
    """A row below the table, as wide as the table."""
    cell = rf"\multicolumn{{{columns}}}{{l}}{{\footnotesize {_escape(text)}}}"
    return _latex_row(_Raw(cell))


def _arms_across(table: AccuracyTable) -> tuple[int, list[str], list[str]]:
    spans = [(one.heading, len(one.rows) + bool(one.gains)) for one in table.groups]
    names: list[str] = []
    for group in table.groups:
        names += [*(row.heading for row in group.rows), *(["Improv."] if group.gains else [])]
    references = [row.name for row in table.references]
    above_references = [("reference", len(references))] if references else []
    head = [
        *_headings([("", 2), *spans, ("", 1), *above_references]),
        _latex_row("Dataset", "Metric", *names, "Improv.", *references),
    ]
    body: list[str] = []
    for dataset, indices in table.datasets.items():
        body += [r"\midrule"] if body else []
        body += [_across(table, dataset if i == indices[0] else "", i) for i in indices]
    return 2 + len(names) + 1 + len(references), head, body


def _across(table: AccuracyTable, dataset: str, index: int) -> str:
    cells: list[str] = []
    for group in table.groups:
        cells += [_latex_cell(row.cells[index]) for row in group.rows]
        cells += [group.gains[index]] if group.gains else []
    measure = table.measures[index]
    references = [_latex_cell(row.cells[index]) for row in table.references]
    return _latex_row(dataset, measure.metric, *cells, measure.improvement, *references)


def _arms_down(table: AccuracyTable) -> tuple[int, list[str], list[str]]:
    spans = [(name, len(indices)) for name, indices in table.datasets.items()]
    head = _headings([("", 2), *spans]) if table.is_one_of_several else []
    head.append(_latex_row("", "Method", *(one.metric for one in table.measures)))
    body = [*_section("reference", table.references), r"\midrule"] if table.references else []
    for group in table.groups:
        gains = [_latex_row("", "Improv.", *group.gains)] if group.gains else []
        body += [*_section(group.name, group.rows), *gains, r"\midrule"]
    body += [_latex_row("", "Improv.", *(one.improvement for one in table.measures))]
    return 2 + len(table.measures), head, body


def _section(name: str, rows: Sequence[ArmRow]) -> list[str]:
    return [
        _latex_row(name if row is rows[0] else "", row.heading, *map(_latex_cell, row.cells))
        for row in rows
    ]


def _headings(spans: Sequence[tuple[str, int]]) -> list[str]:
    """A row of headings, each over its number of columns, with a rule below those with a name."""
    cells = [_Raw(rf"\multicolumn{{{columns}}}{{c}}{{{_escape(name)}}}") for name, columns in spans]
    ends = list(accumulate(columns for _, columns in spans))
    rules = [
        rf"\cmidrule(lr){{{end - columns + 1}-{end}}}"
        for (name, columns), end in zip(spans, ends, strict=True)
        if name
    ]
    return [_latex_row(*cells), " ".join(rules)]


class _Raw(str):
    """Text that is LaTeX already and is not escaped."""


def _latex_cell(cell: Cell) -> _Raw:
    style = {"best": r"\textbf{%s}", "second": r"\underline{%s}"}.get(cell.rank, "%s")
    mark = r"$^\dagger$" if cell.is_partial else ""
    deviation = rf" {{\scriptsize $\pm${cell.sd}}}" if cell.sd else ""
    return _Raw(style % _escape(cell.text) + mark + deviation)


def _latex_row(*cells: str) -> str:
    return " & ".join(cell if isinstance(cell, _Raw) else _escape(cell) for cell in cells) + r" \\"


def _escape(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in " ".join(text.split()))
