from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reports.labels import Offset, beside_points, spread_out

HEIGHTS = st.dictionaries(st.text("abcdef", min_size=1), st.floats(0, 100), max_size=12)


@given(HEIGHTS)
def test_labels_end_up_a_gap_apart_in_the_order_of_their_lines(heights: dict[str, float]) -> None:
    placed = spread_out(heights, gap=5, top=110)
    ordered = sorted(heights, key=lambda name: heights[name])
    assert list(placed) == ordered
    for lower, upper in pairwise(ordered):
        assert placed[upper] - placed[lower] >= 5 - 1e-9
    assert max(placed.values(), default=0) <= 110


def test_labels_with_room_stay_where_their_lines_end() -> None:
    assert spread_out({"a": 10, "b": 40}, gap=5, top=100) == {"a": 10, "b": 40}


def test_a_lone_point_has_its_name_right_below() -> None:
    assert beside_points([(100, 100)], ["ID"]) == [Offset(True, -10)]


def test_neighbouring_points_get_names_in_different_places() -> None:
    first, second = beside_points([(200, 100), (205, 101)], ["ID+TS CON", "ID+TS ADD"])
    assert first != second
