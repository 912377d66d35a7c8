"""Places of names: apart from each other, near their points and lines."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reports.plots.label_layout import Offset, label_box, place_names, spread_out

HEIGHTS = st.dictionaries(st.text("abcdef", min_size=1), st.floats(0, 100), max_size=12)


@given(HEIGHTS)
def test_labels_are_a_gap_apart_in_the_order_of_their_lines(heights: dict[str, float]) -> None:
    placed = spread_out(heights, gap=5, top=110)
    ordered = sorted(heights, key=lambda name: heights[name])
    assert list(placed) == ordered
    for lower, upper in pairwise(ordered):
        assert placed[upper] - placed[lower] >= 5 - 1e-9
    assert max(placed.values(), default=0) <= 110


def test_labels_with_enough_space_stay_where_their_lines_end() -> None:
    assert spread_out({"a": 10, "b": 40}, gap=5, top=100) == {"a": 10, "b": 40}


def test_a_single_point_has_its_name_below_on_the_right() -> None:
    assert place_names([(100, 100)], ["ID"]) == [Offset(True, -10)]


def test_neighbouring_points_get_names_in_different_places() -> None:
    first, second = place_names([(200, 100), (205, 101)], ["ID+TS CON", "ID+TS ADD"])
    assert first != second


def test_fourteen_arms_crowded_together_have_names_that_do_not_touch() -> None:
    rng = np.random.default_rng(4)
    points = [(float(x), float(y)) for x, y in rng.uniform((250, 60), (450, 200), (14, 2))]
    names = [f"ID+TS-DNN {fusion} {number}" for number in range(7) for fusion in ("ADD", "CON")]
    boxes = [
        label_box(x, y, name, at)
        for (x, y), name, at in zip(points, names, place_names(points, names), strict=True)
    ]
    assert [one.overlap(other) for one, other in combinations(boxes, 2)] == [0] * 91
