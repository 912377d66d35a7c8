"""A report as one self-contained HTML file."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from reports import formats
from reports.page import explorer, tables
from reports.plots.forest import forest
from reports.plots.learning_curves import MAX_COLLAPSED, learning_curves
from reports.plots.losses import losses
from reports.plots.parallel_coordinates import MAX_LINES, parallel_coordinates
from reports.plots.pareto import pareto
from reports.plots.slice_plot import MAX_POINTS, slice_plot
from reports.plots.traces import Figure
from reports.plots.user_slices import slices
from reports.study import verdict
from reports.study.caveats import caveats
from reports.study.contrasts import Contrast
from reports.study.costs import ArmCost, arm_costs, study_cost
from reports.study.importance import ENOUGH_TRIALS, importance_table
from reports.study.learning_rates import learning_rate_grids
from reports.study.preparations import preparation_costs
from reports.study.progress import progress, unfinished
from reports.study.published import published_rows
from reports.study.report import Report
from reports.study.slices import MIN_USERS, SliceTable
from reports.study.statistics import MIN_SEEDS, NUM_FLIPS
from reports.study.summary import StudySummary
from tune_space.ledger.records import MIN_FOR_IMPORTANCE

REFRESH_S = 30
"""How often the page of a running study is written, and how often it looks for a newer one."""
MAX_LEAD = 6
"""Sentences of a verdict above which they are set smaller, and their numbers folded away."""
MAX_CARRIED = 1_000_000
"""Characters of a table above which the page does not carry it for its buttons."""


def render(report: Report, downloads: dict[str, str]) -> str:
    """The page as one HTML text that loads nothing from anywhere.

    ``downloads``: the files that buttons of the page copy and save, by name.
    """
    summary, contrasts = report.summary, report.contrasts
    costs = arm_costs(summary)
    drawn = _figures(summary, contrasts, costs, report.sliced)
    return template("template.html.j2").render(
        summary=summary,
        manifest=summary.manifest,
        quick_note=formats.QUICK_FORM,
        overview=verdict.overview(summary, contrasts),
        headline=verdict.headline(summary, contrasts),
        caveats=caveats(summary, contrasts),
        unfinished=unfinished(summary),
        tables=report.accuracies,
        expected=published_rows(summary),
        contrasts=contrasts,
        sliced=report.sliced,
        learning_rate_grids=learning_rate_grids(summary),
        costs=costs,
        device_costs=tables.device_costs(costs),
        nodes=tables.trials_per_node(summary.trials),
        preparations=preparation_costs(summary),
        spent=study_cost(summary),
        seal=tables.seal(summary),
        codes=tables.codes(summary),
        trials=tables.trial_rows(summary),
        searched=tables.searched_paths(summary),
        figures=drawn,
        progress=progress(summary),
        refresh_s=REFRESH_S,
        num_trials=len(summary.trials),
        max_lead=MAX_LEAD,
        max_points=MAX_POINTS,
        max_lines=MAX_LINES,
        max_collapsed=MAX_COLLAPSED,
        effort=tables.effort_rows(summary),
        explorer=explorer.packed(_json(explorer.explorer_data(summary))),
        downloads=explorer.packed(_json({k: v for k, v in downloads.items() if _is_carried(v)})),
        left_out={name for name, text in downloads.items() if not _is_carried(text)},
        plotly=_packed_plotly(),
        min_seeds=MIN_SEEDS,
        min_users=MIN_USERS,
        num_flips=NUM_FLIPS,
        importance=importance_table(summary),
        enough_for_importance=ENOUGH_TRIALS,
        min_for_importance=MIN_FOR_IMPORTANCE,
    )


def _figures(
    summary: StudySummary,
    contrasts: tuple[Contrast, ...],
    costs: tuple[ArmCost, ...],
    sliced: tuple[SliceTable, ...],
) -> dict[str, Figure]:
    """Every figure there is something to draw for, by the name its place in the page has."""
    made: dict[str, Figure | None] = {}
    for part in summary.parts:
        key, own = part.key, [one for one in costs if one.dataset == part.dataset]
        for metric in part.metrics:
            compared = [one for one in contrasts if (one.metric, one.dataset) == (metric, key)]
            made[place("forest", metric, key)] = forest(compared)
            made[place("curves", metric, key)] = learning_curves(part, metric)
            for device, on_device in tables.device_costs(own).items():
                drawn = pareto(part, on_device, metric)
                made[place("pareto", metric, device, key)] = drawn
        for index, path in enumerate(tables.searched_paths(part)):
            made[place("searched", path, key)] = slice_plot(part, path, has_legend=index == 0)
        made[place("parallels", key)] = parallel_coordinates(part)
        for table in sliced:
            if table.key == key:
                made[place("slices", table.dimension, key)] = slices(part, table)
    for one in summary.manifest.preparations:
        made[place("losses", one.key)] = losses(one.losses) if one.losses else None
    return {name: figure for name, figure in made.items() if figure is not None}


def place(*words: str) -> str:
    """The name of a figure's place in the page; a study with one data set has no key to add."""
    return " ".join(word for word in words if word)


@cache
def template(name: str) -> jinja2.Template:
    """A page's template: strict, and every text in it escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports.page", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": formats.percent,
        "points": formats.points,
        "p_value": formats.p_value,
        "count": formats.count,
        "duration": formats.duration,
        "deviation": formats.deviation,
        "size": formats.size,
        "energy": formats.energy,
        "plural": formats.plural,
        "parameter": formats.parameter,
        "parameters": tables.parameters,
        "in_script": _in_script,
    }
    environment.globals |= {
        "contrast_groups": tables.contrast_groups,
        "seed_values": tables.seed_values,
        "costs_by_dataset": tables.costs_by_dataset,
        "place": place,
        "search_rows": tables.search_rows,
        "longest_search": tables.longest_search,
        "most_collapsed": tables.most_collapsed,
        "uncounted": tables.uncounted,
    }
    return environment.get_template(name)


def _is_carried(text: str) -> bool:
    return len(text) <= MAX_CARRIED


def _in_script(value: Any) -> Markup:
    """JSON that may stand inside a script element: no text in it can end the element."""
    return Markup(_json(value).decode().replace("<", "\\u003c"))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@cache
def _packed_plotly() -> str:
    """plotly.js as installed; the page unpacks it when it draws."""
    return explorer.packed(files("plotly").joinpath("package_data/plotly.min.js").read_bytes())
