"""The Pareto front: the arms that no cheaper arm reaches."""

from hypothesis import given
from hypothesis import strategies as st

from reports.plots.pareto import pareto_front


@given(st.lists(st.tuples(st.floats(1, 1e4), st.floats(0, 100)), min_size=1))
def test_pareto_front_is_what_no_other_point_beats(points: list[tuple[float, float]]) -> None:
    front = pareto_front(points)
    for cost, accuracy in points:
        beaten = any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points)
        assert beaten == ((cost, accuracy) not in front)
