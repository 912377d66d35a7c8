"""The chart of overlaps: bars add up to the union, and a mark where two seeds end."""

from dataclasses import replace

import pytest

from reports.plots.complementarity import overlaps
from tests.reports.study.test_complementarity_words import PAIR


def test_bars_of_a_pair_add_up_to_its_union_and_the_mark_is_the_better_arms() -> None:
    one_seed = replace(
        PAIR, first="<b>", overlap=replace(PAIR.overlap, two_first=None, two_second=None)
    )  # type: ignore[type-var]
    figure = overlaps([PAIR, one_seed, replace(PAIR, overlap=None)])
    assert figure is not None
    *bars, mark = figure["data"]
    assert [bar["name"] for bar in bars] == ["both", "only the first", "only the second"]
    assert all(bar["y"] == ["TS &amp; ID", "&lt;b&gt; &amp; ID"] for bar in bars)
    assert sum(bar["x"][0] for bar in bars) == pytest.approx(31.2)
    assert (mark["x"], mark["y"]) == ([26.0], ["TS &amp; ID"])
    assert figure["layout"]["barmode"] == "stack"


def test_without_a_finished_pair_there_is_no_figure() -> None:
    assert overlaps([replace(PAIR, overlap=None)]) is None
    assert overlaps([]) is None
