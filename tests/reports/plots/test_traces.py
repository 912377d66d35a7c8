"""What holds for every chart: plotly knows its properties, names are text, nothing is no figure."""

import json
import re
from pathlib import Path

import plotly.graph_objects as go
import pytest

from reports.plots.forest import forest
from reports.plots.learning_curves import learning_curves
from reports.plots.losses import losses
from reports.plots.parallel_coordinates import parallel_coordinates
from reports.plots.pareto import pareto
from reports.plots.slice_plot import slice_plot
from reports.plots.traces import Figure
from reports.plots.user_slices import slices
from reports.study.contrasts import compare
from reports.study.costs import arm_costs
from reports.study.slices import slice_tables
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import FUSION, SMALL, Arm, FakeStudy


def _charts(summary: StudySummary) -> dict[str, Figure | None]:
    on_hr = [one for one in compare(summary) if one.metric == "HR@10"]
    (sliced,) = slice_tables(summary, "HR@10") or (None,)
    return {
        "learning curves": learning_curves(summary, "HR@10"),
        "forest": forest(on_hr),
        "pareto": pareto(summary, arm_costs(summary), "HR@10"),
        "slice plot": slice_plot(summary, "optim.lr", has_legend=True),
        "parallel coordinates": parallel_coordinates(summary),
        "user slices": slices(summary, sliced) if sliced else None,
    }


@pytest.mark.parametrize("arms", [SMALL, FUSION])
def test_plotly_knows_every_property_of_every_chart(arms: tuple[Arm, ...], tmp_path: Path) -> None:
    study = FakeStudy(
        arms=arms,
        searches=2,
        statuses={("E2E", "final", 0): "collapsed"},
        slices={"popularity": (100, 200)},
        also_searched={"model.dropout": (0.0, 0.5)},
    )
    charts = _charts(summarise(study.write(tmp_path)))
    charts["losses"] = losses({"train": (3.0, 2.5), "valid": (4.0, 2.9, 2.6)})
    assert None not in charts.values()
    for figure in charts.values():
        text = re.sub(r'"@\w+(/[\d.]+)?"', '"#112233"', json.dumps(figure))
        assert go.Figure(json.loads(text)).data


@pytest.mark.parametrize("arms", [(), SMALL[:1]])
def test_nothing_to_draw_is_no_figure(arms: tuple[Arm, ...], tmp_path: Path) -> None:
    study = FakeStudy(arms=arms, searches=0, slices={"popularity": (100, 200)})
    charts = _charts(summarise(study.write(tmp_path)))
    del charts["learning curves"]
    assert set(charts.values()) == {None}


def test_names_cannot_carry_markup_into_a_figure(tmp_path: Path) -> None:
    arms = (Arm("<b>x</b>", {"id": True}, 1.0, 1.0),)
    figure = learning_curves(summarise(FakeStudy(arms=arms).write(tmp_path)), "HR@10")
    assert figure is not None
    assert figure["layout"]["annotations"][0]["text"] == "&lt;b&gt;x&lt;/b&gt;"
