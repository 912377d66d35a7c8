"""The measurements as a Markdown table and as one HTML page."""

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tests.benchmarks.measure import Row


def write(rows: Sequence[Row], where: str, folder: Path) -> None:
    """Write ``table.md`` and ``benchmarks.html``; ``where`` names machine, date and load."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(f"{where}\n\n{table(rows)}", encoding="utf-8")
    page(rows, where).write_html(folder / "benchmarks.html", include_plotlyjs=True)


def table(rows: Sequence[Row]) -> str:
    """Median [min-max] of every row, with its target."""
    lines = ["| case | what | measured | target | |", "| --- | --- | ---: | ---: | --- |"]
    for row in rows:
        target = "" if row.target is None else f"{row.target:g}{'x' if row.unit == 'x' else ''}"
        met = "" if row.target is None else "met" if row.middle >= row.target else "missed"
        remark = "; ".join(part for part in (met, row.note) if part)
        lines.append(f"| {row.case} | {row.what} | {row.format()} | {target} | {remark} |")
    return "\n".join(lines) + "\n"


def page(rows: Sequence[Row], where: str) -> go.Figure:
    """Ratios with their targets above, cost against size below."""
    figure = make_subplots(
        rows=2,
        cols=1,
        subplot_titles=("times faster than the straightforward way", "CPU seconds over size"),
        vertical_spacing=0.12,
    )
    figure.add_traces(_ratio_traces([row for row in rows if row.unit == "x"]), rows=1, cols=1)
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        if row.unit == "CPU s" and row.what.replace(",", "").isdigit():
            by_case.setdefault(row.case, []).append(row)
    for case, points in by_case.items():
        figure.add_trace(_curve(case, points), row=2, col=1)
    figure.update_xaxes(type="log", row=1, col=1)
    figure.update_xaxes(type="log", row=2, col=1)
    figure.update_yaxes(type="log", row=2, col=1)
    return figure.update_layout(title=where, height=1100, template="plotly_white")


def _ratio_traces(rows: Sequence[Row]) -> list[go.Scatter]:
    labels = [f"{row.case}: {row.what}" for row in rows]
    measured = go.Scatter(
        x=[row.middle for row in rows],
        y=labels,
        mode="markers",
        name="measured, median and range",
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(row.values) - row.middle for row in rows],
            "arrayminus": [row.middle - min(row.values) for row in rows],
        },
    )
    targets = go.Scatter(
        x=[row.target for row in rows],
        y=labels,
        mode="markers",
        name="target",
        marker={"symbol": "line-ns-open", "size": 14},
    )
    return [measured, targets]


def _curve(case: str, points: Sequence[Row]) -> go.Scatter:
    sizes = [int(row.what.replace(",", "")) for row in points]
    return go.Scatter(x=sizes, y=[row.middle for row in points], name=case, mode="lines+markers")
