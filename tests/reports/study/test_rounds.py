"""What is said of rounds of search trials."""

import pytest

from reports.study.rounds import MEASURED, round_sentence


def test_the_measured_sizes_ascend_and_lie_within_their_intervals() -> None:
    sizes = [one.size for one in MEASURED]
    assert sizes == sorted(set(sizes))
    assert all(one.low <= one.points <= one.high for one in MEASURED)


@pytest.mark.parametrize(("size", "measured"), [(2, 2), (3, 4), (4, 4), (1000, MEASURED[-1].size)])
def test_a_size_between_has_the_cost_of_the_next_larger_one(size: int, measured: int) -> None:
    said = round_sentence(size)
    assert said.startswith(f"Trials are chosen in rounds of {size}, from")
    assert f"24 trials, rounds of {measured} changed" in said
